"""Each case in a process of its own: a seccomp filter cannot be taken off again."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from agent import sandbox
from agent.errors import SandboxError


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_PACKET", "AF_NETLINK", "AF_VSOCK"])
def test_only_unix_sockets_are_left(family: str) -> None:
    printed = run(f"""
        import socket
        from agent.sandbox import forbid_network
        assert forbid_network()
        a, b = socket.socketpair()
        a.send(b"x")
        assert b.recv(1) == b"x"
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).close()
        try:
            socket.socket(socket.{family}, socket.SOCK_DGRAM)
        except PermissionError:
            print("refused")
    """)
    assert printed == "refused"


def test_names_cannot_be_resolved_and_unix_services_cannot_be_asked() -> None:
    printed = run("""
        import socket, tempfile
        from agent.sandbox import forbid_network
        path = tempfile.mkdtemp() + "/resolver"
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        forbid_network()
        try:
            socket.getaddrinfo("example.org", 443)
        except OSError:
            print("unresolved")
        try:
            socket.socket(socket.AF_UNIX).connect(path)
        except PermissionError:
            print("unconnected")
    """)
    assert printed.split() == ["unresolved", "unconnected"]


def test_a_capture_process_may_reach_the_frame_socket() -> None:
    printed = run("""
        import socket, tempfile
        from agent.sandbox import forbid_network
        path = tempfile.mkdtemp() + "/frames"
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()
        forbid_network(may_connect_locally=True)
        socket.socket(socket.AF_UNIX).connect(path)
        try:
            socket.socket()
        except PermissionError:
            print("refused")
    """)
    assert printed == "refused"


def test_threads_that_run_already_and_programs_started_later_are_bound() -> None:
    printed = run("""
        import socket, subprocess, sys, threading
        from agent.sandbox import forbid_network
        go, seen = threading.Event(), []
        def try_socket():
            go.wait()
            try:
                socket.socket()
            except PermissionError:
                seen.append("thread")
        thread = threading.Thread(target=try_socket)
        thread.start()
        forbid_network()
        go.set()
        thread.join()
        child = subprocess.run([sys.executable, "-c", "import socket; socket.socket()"],
                               capture_output=True)
        print(*seen, "child" if child.returncode else "")
    """)
    assert printed == "thread child"


def test_neither_io_uring_nor_another_process_can_be_reached() -> None:
    printed = run("""
        import ctypes, errno
        from agent.sandbox import forbid_network
        forbid_network()
        libc = ctypes.CDLL(None, use_errno=True)
        for number in (425, 101, 310, 438):  # io_uring_setup, ptrace, process_vm_readv, pidfd_getfd
            assert libc.syscall(number, 0, 0, 0, 0, 0, 0) == -1
            print(errno.errorcode[ctypes.get_errno()])
        print(open("/proc/self/status").read().split("NoNewPrivs:")[1].split()[0])
    """)
    assert printed.split() == ["EACCES"] * 4 + ["1"]


def test_a_listening_socket_still_takes_connections_and_cannot_make_one() -> None:
    # connect(AF_UNSPEC) makes a listening TCP socket a fresh one, which may connect: that is
    # why a process that listens must lose `connect` itself.
    printed = run("""
        import ctypes, socket
        from agent.sandbox import forbid_network
        libc = ctypes.CDLL(None, use_errno=True)
        others = socket.create_server(("127.0.0.1", 0))

        def reused(listening):
            libc.connect(listening.fileno(), bytes(16), 16)
            return listening.connect_ex(others.getsockname())

        ours, spare = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        browser = socket.create_connection(ours.getsockname())
        print(reused(spare))
        forbid_network()
        taken, _ = ours.accept()
        browser.send(b"x")
        print(taken.recv(1).decode(), reused(ours))
    """)
    assert printed.split() == ["0", "x", "13"]


def test_a_process_that_gave_up_files_writes_none_and_still_speaks(tmp_path: Path) -> None:
    printed = run(f"""
        import os, socket, tempfile
        from agent.sandbox import forbid_files
        forbid_files()
        a, b = socket.socketpair()
        a.send(b"x")
        assert b.recv(1) == b"x"
        for path in ({str(tmp_path / "new")!r}, "/dev/shm/checkout-agent-test"):
            try:
                os.write(os.open(path, os.O_CREAT | os.O_WRONLY), b"picture")
            except OSError as error:
                print(error.strerror.replace(" ", "_"), os.path.getsize(path))
                os.unlink(path)
    """)
    assert printed.split() == ["File_too_large", "0"] * 2


def test_openvino_telemetry_cannot_be_imported_once_it_is_refused() -> None:
    printed = run("""
        from agent.sandbox import refuse_telemetry
        refuse_telemetry()
        try:
            import openvino_telemetry
        except ImportError:
            print("absent")
    """)
    assert printed == "absent"


def test_a_machine_without_seccomp_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(SandboxError, match="apt-get install libseccomp2"):
        sandbox.forbid_network()
    assert sandbox.forbid_network(required=False) is False


def test_a_child_dies_with_its_parent() -> None:
    grandchild = "import time; from agent.sandbox import die_with_parent; die_with_parent(); "
    grandchild += "print('up', flush=True); time.sleep(60)"
    printed = run(f"""
        import os, subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", {grandchild!r}], stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        os.kill(os.getpid(), 0)
        os._exit(0)
    """)
    deadline_s = time.monotonic() + 3
    while is_running(int(printed)) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not is_running(int(printed))


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
        with open(f"/proc/{process_id}/stat") as status:  # noqa: PTH123 (of a process)
            return status.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
