"""The vision process's end, against a viewer's socket in the same process."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.debug_view.link import ViewerLink
from agent.debug_view.settings import JOINED, split_picture

KEY = "k" * 32


@pytest.fixture
def link(tmp_path: Path) -> Iterator[ViewerLink]:
    opened = ViewerLink(str(tmp_path / "pictures"), KEY, ["till", "door"])
    yield opened
    opened.close()


def stranger(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(folder / "pictures"))
    connection.settimeout(2)
    return connection


def viewer(folder: Path, link: ViewerLink) -> socket.socket:
    connection = stranger(folder)
    connection.send(KEY.encode())
    link.attend()
    assert connection.recv(100) == JOINED
    return connection


def test_who_has_the_key_gets_what_it_asks_for(link: ViewerLink, tmp_path: Path) -> None:
    with viewer(tmp_path, link) as connection:
        connection.send(b"door")
        link.attend()
        assert link.wanted == {"door"}
        assert link.send("door", b"\xff\xd8\n\n\xff\xd9")
        assert split_picture(connection.recv(1000)) == ("door", b"\xff\xd8\n\n\xff\xd9")
        assert link.wanted == set()


@pytest.mark.parametrize("key", [b"wrong", b"", KEY[:-1].encode(), KEY.encode() + b"k"])
def test_who_has_not_is_cut_off(link: ViewerLink, tmp_path: Path, key: bytes) -> None:
    with stranger(tmp_path) as connection:
        if key:
            connection.send(key)
            connection.send(b"till")
        else:
            connection.shutdown(socket.SHUT_WR)
        link.attend()
        link.attend()
        assert not link.is_joined
        assert link.wanted == set()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(100) == b""
        with pytest.raises(BrokenPipeError):
            connection.send(b"till")


def test_strangers_who_say_nothing_do_not_keep_the_viewer_out(
    link: ViewerLink, tmp_path: Path
) -> None:
    silent = []
    for _ in range(20):
        silent.append(stranger(tmp_path))
        link.attend()
    with viewer(tmp_path, link):
        assert link.is_joined
    for each in silent:
        each.close()


def test_an_unknown_camera_is_not_wanted(link: ViewerLink, tmp_path: Path) -> None:
    with viewer(tmp_path, link) as connection:
        connection.send(b"elsewhere")
        connection.send(b"\xff\xfe")
        link.attend()
        assert link.wanted == set()


def test_a_viewer_that_does_not_read_costs_pictures_and_no_time(
    link: ViewerLink, tmp_path: Path
) -> None:
    with viewer(tmp_path, link) as connection:
        connection.settimeout(0.5)
        handed_over = 0
        while link.send("till", bytes(100_000)):
            handed_over += 1
        assert 1 <= handed_over < 100
        assert link.dropped == 1
        assert link.wanted == {"till"}, "the next frame is tried instead"
        for _ in range(handed_over):
            connection.recv(200_000)
        assert link.send("till", b"newer")
        assert split_picture(connection.recv(100)) == ("till", b"newer")


def test_a_viewer_that_is_gone_wants_nothing_and_another_may_come(
    link: ViewerLink, tmp_path: Path
) -> None:
    with viewer(tmp_path, link) as connection:
        connection.send(b"till")
    link.attend()
    assert not link.is_joined
    assert link.wanted == set()
    assert not link.send("till", b"nobody sees it")
    with viewer(tmp_path, link):
        assert link.is_joined


def test_after_the_end_nobody_can_join(link: ViewerLink, tmp_path: Path) -> None:
    with viewer(tmp_path, link) as connection:
        link.close()
        assert connection.recv(100) == b""
    late = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with late, pytest.raises(FileNotFoundError):
        late.connect(str(tmp_path / "pictures"))
