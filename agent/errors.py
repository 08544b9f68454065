"""One tree of errors; each class names its remedy.

AgentError                 what happened, what was expected, what was got, what to do
├── ConfigError            mend the named key of the config file        exit code 78
├── InputError             give another file or address                 exit code 66
│   └── SourceError        check the camera or the recording            exit code 66
├── ModelError             install the model again: the message says how exit code 70
│   └── EstimateError      the runtime refused a batch                  exit code 70
├── BrokerError            start the broker, or correct mqtt.*          exit code 69
├── OutboxError            make room, or correct outbox.path            exit code 74
├── SandboxError           install libseccomp2 on a kernel with seccomp  exit code 71
├── InsightsError          make room, or give another folder of baskets  exit code 74
├── ExtraError             install the optional part that is named       exit code 69
├── ChildError             a process of the agent ended; see its message exit code 70
└── ProtocolError          a message or record that breaks its schema; dropped and counted
"""

from __future__ import annotations


class AgentError(Exception):
    """Anything the agent can explain in one line."""

    exit_code = 1


class ConfigError(AgentError):
    """The configuration is refused: mend the named key."""

    exit_code = 78


class InputError(AgentError):
    """A file or an argument cannot be used: give another one."""

    exit_code = 66


class SourceError(InputError):
    """A camera or recording gives no pictures: check the address, the cable, the file."""


class ModelError(AgentError):
    """A model file is missing or altered: install it again."""

    exit_code = 70


class EstimateError(ModelError):
    """The runtime refused a batch: see the log, restart the vision process."""


class BrokerError(AgentError):
    """The broker cannot be reached or refuses us: start it, or correct `mqtt`."""

    exit_code = 69


class OutboxError(AgentError):
    """The outbox cannot be written: make room, or correct `outbox.path`."""

    exit_code = 74


class SandboxError(AgentError):
    """A process cannot be locked in: install libseccomp2, use a kernel with seccomp."""

    exit_code = 71


class InsightsError(AgentError):
    """The folder of baskets cannot be read or written: make room, or give another one."""

    exit_code = 74


class ExtraError(AgentError):
    """An optional part of the product is not installed: the message names it."""

    exit_code = 69


class ChildError(AgentError):
    """A process that sees has ended and a replay cannot go on: its last words say why."""

    exit_code = 70


class ProtocolError(AgentError):
    """A message or record breaks its schema: it is counted and dropped."""
