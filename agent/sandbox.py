"""What a process that sees gives up: the network, and its siblings' memory.

MediaPipe reports its use to its maker and has no switch for it (DESIGN, section 2). A
seccomp filter cannot be taken off again, holds for every thread and every program
that the process starts, and makes `socket(AF_INET, …)` fail with EACCES.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import resource
import signal
import socket
import sys

from agent.errors import SandboxError

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1

#: io_uring opens sockets past seccomp; the rest reaches into other processes of this user,
#: one of which holds the broker's password and connection.
_FORBIDDEN_CALLS = (
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_getfd",
    "bpf",
    "perf_event_open",
    "userfaultfd",
)


def forbid_network(*, may_connect_locally: bool = False, required: bool = True) -> bool:
    """Forbid this process every socket but AF_UNIX, for good.

    Args:
        may_connect_locally: Allow `connect`, which only AF_UNIX is left for. Without it no name
            service can be asked either: some are reached over a unix socket.
        required: Whether to fail where the kernel or libseccomp is missing; else it is logged.

    Returns:
        Whether the filter is in force.

    Raises:
        SandboxError: It is required and cannot be installed.
    """
    try:
        _install_filter(may_connect_locally)
    except (OSError, RuntimeError, ImportError) as error:
        message = (
            f"the network cannot be forbidden to this process: {error}: a Linux kernel with "
            "seccomp and the library libseccomp2 are needed (apt-get install libseccomp2)"
        )
        if required:
            raise SandboxError(message) from error
        logger.warning("sandbox_missing reason=%s", message)
        return False
    return True


def forbid_files() -> None:
    """Let this process write no file, nor leave its memory behind in one when it crashes.

    For a process that needs none: sockets and pipes are not touched by the limit.
    """
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))


def refuse_telemetry() -> None:
    """Make `openvino_telemetry` unimportable here; OpenVINO then uses its own empty stub.

    There is no variable for it: its documented switch writes a file into the home folder
    and sends a last event. Call it before `openvino` is imported.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # "absent"


def die_with_parent() -> None:
    """Let the kernel kill this process when the thread that started it ends.

    Between start and this call the end of stdin does the same.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _install_filter(may_connect_locally: bool) -> None:
    # Imported late: it looks for libseccomp, and raises RuntimeError where there is none.
    import pyseccomp

    refused = pyseccomp.ERRNO(errno.EACCES)
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    # TSYNC: threads that a library has started already are bound too.
    rules.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
    rules.add_rule(refused, "socket", pyseccomp.Arg(0, pyseccomp.NE, socket.AF_UNIX))
    if not may_connect_locally:
        rules.add_rule(refused, "connect")
    for name in _FORBIDDEN_CALLS:
        rules.add_rule(refused, name)
    # Sets PR_SET_NO_NEW_PRIVS too, so that no set-uid program gets around the filter.
    rules.load()


def _prctl(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise SandboxError(f"prctl({option}) failed: {os.strerror(code)}: run on Linux")
