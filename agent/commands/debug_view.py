"""The token of `run --debug-view`, and how the technician learns it: on the terminal alone."""

from __future__ import annotations

import secrets
import sys

from agent.config.load import LoadedConfig
from agent.errors import ConfigError


def token_for(loaded: LoadedConfig) -> str:
    """Return the configured token, or a new one that the terminal will show.

    Raises:
        ConfigError: There is neither a token nor a terminal: in a log it would be nobody's
            secret.
    """
    token = loaded.debug_view_token()
    if token is not None:
        return token
    if not sys.stdout.isatty():
        raise ConfigError(
            "run --debug-view: there is no terminal to show a token on: run it in one, or give "
            "debug_view.token_file (openssl rand -hex 24)"
        )
    return secrets.token_urlsafe(24)


def announcement(loaded: LoadedConfig, token: str) -> None:
    """Tell the technician where to look, once; the token only when it is a new one.

    Args:
        loaded: The settings.
        token: From `token_for`.
    """
    section = loaded.config.debug_view
    is_new = section.token_env is None and section.token_file is None
    shown = token if is_new else "…"
    minutes, seconds = divmod(round(section.duration_s), 60)
    sys.stdout.write(
        f"Debug view: http://127.0.0.1:{section.port}/?token={shown} "
        f"(ends by itself after {minutes}:{seconds:02} min)\n"
    )
    sys.stdout.flush()
