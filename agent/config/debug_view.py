"""Section for the technician's live picture; nothing in it can switch the picture on."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from agent.config.section import Section

#: Promised to the works council and to customers: nobody can set more.
LONGEST_S = 900.0


class DebugViewSection(Section):
    """The page of `run --debug-view`; it listens on 127.0.0.1 and nowhere else."""

    port: int = Field(8092, ge=1, le=65535)
    duration_s: float = Field(LONGEST_S, ge=1, le=LONGEST_S, description="then it ends by itself")
    token_env: str | None = Field(None, description="environment variable with the page's token")
    token_file: Path | None = Field(None, description="file with the page's token")

    @model_validator(mode="after")
    def _one_token(self) -> DebugViewSection:
        if self.token_env is not None and self.token_file is not None:
            raise ValueError("token_file: give either token_env or token_file")
        return self
