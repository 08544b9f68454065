"""The real viewer process over real HTTP; the test plays the vision process."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from agent.display.access import SECURITY_HEADERS
from agent.viewer.pages import COOKIE, MAX_STREAMS
from agent.wire import decode
from tests.brokers import wait_until
from tests.viewer.viewers import START_S, TOKEN, Seeing, Viewer


def next_picture(stream: http.client.HTTPResponse) -> bytes:
    """Return the next JPEG of a stream."""
    length = 0
    while line := stream.readline().strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        if line == b"--picture":
            continue
    picture = stream.read(length)
    assert stream.readline() == b"\r\n"
    return picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("viewer")


@pytest.fixture(scope="module")
def seeing(folder: Path) -> Iterator[Seeing]:
    eyes = Seeing(folder / "pictures")
    yield eyes
    eyes.stop()


@pytest.fixture(scope="module")
def viewer(folder: Path, seeing: Seeing) -> Iterator[Viewer]:
    running = Viewer(folder)
    assert decode(running.wait_until_it_serves().strip()).kind == "hello"
    yield running
    code, said = running.end()
    assert (code, said) == (0, "")


def test_without_the_token_there_is_nothing(viewer: Viewer, seeing: Seeing) -> None:
    before = seeing.asked
    for path in ("/", "/camera/till", "/status", "/page.js", "/?token=wrong", "/?token="):
        answer = viewer.get(path, Authorization="Bearer wrong")
        assert answer.status == 401
        assert b"\xff\xd8" not in answer.body
    assert seeing.asked == before


def test_with_another_hosts_name_there_is_nothing_even_with_the_token(viewer: Viewer) -> None:
    for host in ("till-1.store", "192.168.1.5", "evil.example"):
        answer = viewer.get("/", host, Authorization=f"Bearer {TOKEN}")
        assert answer.status == 403
    assert viewer.get("/", "localhost", Authorization=f"Bearer {TOKEN}").status == 200


def test_a_browser_shows_the_token_once_and_its_window_keeps_a_proof(viewer: Viewer) -> None:
    answer = viewer.get(f"/?token={TOKEN.replace(' ', '%20')}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE.name}=")
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=strict"} <= {each.strip() for each in cookie.split(";")}
    assert "expires" not in cookie.lower()
    assert "max-age" not in cookie.lower()

    page = viewer.get("/", Cookie=cookie.split(";")[0])
    assert page.status == 200
    html = page.body.decode()
    assert "demo-store · &lt;till-1&gt;" in html
    assert html.count("<img ") == 2
    assert 'src="/camera/door"' in html
    assert TOKEN not in html


def test_one_camera_can_be_chosen(viewer: Viewer) -> None:
    authorization = {"Authorization": f"Bearer {TOKEN}"}
    html = viewer.get("/?camera=door", **authorization).body.decode()
    assert 'src="/camera/door"' in html
    assert 'src="/camera/till"' not in html
    unknown = viewer.get("/?camera=%3Cscript%3E", **authorization).body.decode()
    assert unknown.count("<img ") == 2
    assert viewer.get("/camera/elsewhere", **authorization).status == 404


@pytest.mark.parametrize("path", ["/", "/camera/till", "/status", "/page.css", "/nowhere"])
def test_every_answer_carries_the_security_headers(viewer: Viewer, path: str) -> None:
    with viewer.opened(path, Authorization=f"Bearer {TOKEN}") as answer:
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_nothing_can_be_sent_to_it(viewer: Viewer) -> None:
    answer = viewer.get("/", method="POST", Authorization=f"Bearer {TOKEN}")
    assert answer.status in {403, 405}


def test_a_picture_arrives_as_it_was_drawn(viewer: Viewer, seeing: Seeing) -> None:
    with viewer.watch("till") as stream:
        pictures = [next_picture(stream) for _ in range(3)]
    assert set(pictures) <= set(seeing.given)
    assert len(set(pictures)) == 3
    decoded = cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (240, 320, 3)
    status = json.loads(viewer.get("/status", Authorization=f"Bearer {TOKEN}").body)
    assert 0 < status["left_s"] <= 120
    assert status["age_s"]["till"] < 60


def test_when_nobody_looks_no_picture_is_asked_for(viewer: Viewer, seeing: Seeing) -> None:
    with viewer.watch("till") as stream:
        next_picture(stream)
    time.sleep(0.3)  # the server notices that the browser has gone
    before = seeing.asked
    time.sleep(0.5)
    assert seeing.asked == before


def has_stalled(seeing: Seeing, since: int) -> bool:
    """Return whether pictures were asked for since then, and none in a while."""
    before = seeing.asked
    time.sleep(0.3)
    return since < before == seeing.asked


def test_a_browser_that_does_not_read_holds_nobody_up(viewer: Viewer, seeing: Seeing) -> None:
    since = seeing.asked
    with socket.create_connection(("127.0.0.1", viewer.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /camera/till HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}"
        slow.sendall(request.encode() + b"\r\n\r\n")
        assert wait_until(lambda: has_stalled(seeing, since), 30.0), "its buffers are full"
        with viewer.watch("door") as stream:
            began_s = time.monotonic()
            for _ in range(20):
                next_picture(stream)
            assert time.monotonic() - began_s < 10.0
        assert seeing.link.dropped == 0


def status_of_one_more(viewer: Viewer) -> int:
    with viewer.watch("till") as stream:
        return stream.status


def test_windows_are_bounded(viewer: Viewer) -> None:
    streams = [viewer.watch("till") for _ in range(MAX_STREAMS)]
    for stream in streams:
        next_picture(stream)
    assert status_of_one_more(viewer) == 503
    for stream in streams:
        stream.close()
    assert wait_until(lambda: status_of_one_more(viewer) == 200)


def test_it_listens_on_this_machine_alone_and_can_connect_nowhere(viewer: Viewer) -> None:
    process = psutil.Process(viewer.process.pid)
    listening = [each.laddr for each in process.net_connections("inet") if each.status == "LISTEN"]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", viewer.port)]
    status = Path(f"/proc/{viewer.process.pid}/status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status


def test_it_can_write_no_file(viewer: Viewer) -> None:
    limits = Path(f"/proc/{viewer.process.pid}/limits").read_text().splitlines()
    bounds = {line[:26].strip(): line[26:].split()[:2] for line in limits}
    assert bounds["Max file size"] == ["0", "0"]
    assert bounds["Max core file size"] == ["0", "0"]


def test_it_ends_by_itself_although_somebody_looks(tmp_path: Path) -> None:
    eyes = Seeing(tmp_path / "pictures")
    short = Viewer(tmp_path, duration_s=1.0)
    try:
        assert short.wait_until_it_serves()
        began_s = time.monotonic()
        with short.watch("till") as stream:
            next_picture(stream)
            assert short.process.wait(START_S) == 0
            assert time.monotonic() - began_s >= 0.8
    finally:
        eyes.stop()
        short.end()


def test_it_ends_with_a_word_when_the_vision_process_is_gone(tmp_path: Path) -> None:
    eyes = Seeing(tmp_path / "pictures")
    lonely = Viewer(tmp_path)
    assert lonely.wait_until_it_serves()
    eyes.stop()
    assert lonely.process.wait(START_S) == 70
    assert lonely.end() == (70, "the vision process has ended\n")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        late = Viewer(tmp_path, port=port)
        assert late.process.wait(START_S) == 78
    _, said = late.end()
    assert said == f"debug_view.port: got {port}: Address already in use: choose another port\n"
