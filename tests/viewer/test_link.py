"""Joining a vision process that is late, gone or no longer wanted."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from agent.debug_view.link import ViewerLink
from agent.errors import ChildError
from agent.viewer.link import join

KEY = "k" * 32


def test_a_vision_process_that_starts_late_is_joined(tmp_path: Path) -> None:
    path = str(tmp_path / "pictures")
    done = threading.Event()

    def vision() -> None:
        time.sleep(0.3)
        link = ViewerLink(path, KEY, ["till"])
        while not done.wait(0.01):
            link.attend()
        link.close()

    thread = threading.Thread(target=vision)
    thread.start()
    joined = join(path, KEY, 20.0, lambda: False)
    assert joined is not None
    joined.close()
    done.set()
    thread.join()


def test_one_that_listens_but_never_answers_is_given_up_when_it_is_no_longer_wanted(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "pictures")
    link = ViewerLink(path, KEY, ["till"])
    asked: list[None] = []

    def is_unwanted() -> bool:
        asked.append(None)
        return len(asked) > 3

    assert join(path, KEY, 20.0, is_unwanted) is None
    link.close()


def test_patience_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="did not answer within 0 s"):
        join(str(tmp_path / "nowhere"), KEY, 0.2, lambda: False)
