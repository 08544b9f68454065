"""`checkout-agent display`: the cashier's page, on this machine or another one."""

from __future__ import annotations

import asyncio
import logging
import sys
from functools import partial

from agent import assemble
from agent.clock import SystemClock
from agent.config.load import LoadedConfig
from agent.display.board import Board
from agent.display.link import MqttLink
from agent.display.pages import Pages
from agent.display.server import listen, serve
from agent.display.service import DisplayService
from agent.observe.logs import set_up_logging

_log = logging.getLogger(__name__)


def display(loaded: LoadedConfig) -> int:
    """Serve the display until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigError: The address cannot be listened on, or the token cannot be had.
    """
    config = loaded.config
    set_up_logging(config.observe, sys.stderr)
    token = loaded.display_token()
    service, pages = make_display(loaded)
    with listen(config.display) as listening:
        hint = "" if token is None else "?token=…"
        _log.info("display_serves http://%s:%d/%s", config.display.host, config.display.port, hint)
        asyncio.run(serve(pages.app(token), service, listening))
    return 0


def make_display(loaded: LoadedConfig) -> tuple[DisplayService, Pages]:
    """Build the display of a register: what it knows, and what a browser gets of it."""
    config = loaded.config
    tree = assemble.topic_tree(config)
    board = Board(config.display.stale_after_s, config.challenge.alert_expires_s)
    service = DisplayService(
        board, SystemClock(), partial(MqttLink, config.mqtt, tree, loaded.display_login)
    )
    pages = Pages(service, config.display.language, f"{config.store_id} · {config.register_id}")
    return service, pages
