"""What agent and broker trust each other by, right and wrong: certificates and passwords."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

from tests.brokers import HOST, Certificates, free_port

USER = "till-1"
PASSWORD = "right"
Face = Literal["good", "expired", "stranger", "other_host"]


class Trust:
    """A broker with four faces, each on a port of its own, of which the agent trusts one.

    Attributes:
        ports: Of the listeners with a good certificate, an expired one, one signed by a stranger,
            and one for another host.
        password_file: The agent's.
    """

    def __init__(self, folder: Path) -> None:
        self._good, self._stranger = Certificates(folder / "own"), Certificates(folder / "other")
        self._good.make_ca()
        self._stranger.make_ca()
        self._good.sign("good")
        self._good.sign("expired", expired=True)
        self._good.sign("other_host", "broker.example")
        self._stranger.sign("stranger")
        self.ports: dict[Face, int] = {
            face: free_port() for face in ("good", "expired", "stranger", "other_host")
        }
        self.password_file = folder / "password"
        self.set_password(PASSWORD)
        self._passwords = folder / "passwords"
        self._passwords.write_text(f"{USER}:{PASSWORD}\n")
        self._passwords.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(self._passwords)], check=True)

    @property
    def ca_file(self) -> Path:
        return self._good.ca

    def set_password(self, word: str) -> None:
        """Give the agent a password, right or wrong."""
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(f"{word}\n")

    def listeners(self) -> str:
        """Return the lines of the broker's configuration; without a user name nobody is asked."""
        lines = [f"password_file {self._passwords}"]
        for face, port in self.ports.items():
            signer = self._stranger if face == "stranger" else self._good
            lines += [
                f"listener {port} {HOST}",
                f"certfile {signer.certificate(face)}",
                f"keyfile {signer.key(face)}",
            ]
        return "\n".join(lines)
