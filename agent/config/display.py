"""Section for the cashier's display."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agent.config.section import Section


class DisplaySection(Section):
    """The web page that the cashier looks at."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8090, ge=1, le=65535)
    language: Literal["en", "ru"] = Field("en", description="?lang= in the address is stronger")
    token_env: str | None = Field(None, description="environment variable with the page's token")
    token_file: Path | None = Field(None, description="file with the page's token")
    username: str | None = Field(None, description="the display's own at the broker")
    password_env: str | None = Field(None, description="environment variable with its password")
    password_file: Path | None = Field(None, description="file with its password")
    stale_after_s: float = Field(15.0, ge=6, le=300, description="silence of the agent is a fault")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> DisplaySection:
        if self.token_env is not None and self.token_file is not None:
            raise ValueError("token_file: give either token_env or token_file")
        if not self.is_loopback and self.token_env is None and self.token_file is None:
            raise ValueError(
                f"host: got {self.host}: others can reach it: give token_env or token_file, "
                "or listen on 127.0.0.1"
            )
        return self
