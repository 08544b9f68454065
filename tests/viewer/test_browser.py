"""The page in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.brokers import wait_until
from tests.conftest import find_program
from tests.viewer.viewers import TOKEN, Seeing, Viewer

pytestmark = pytest.mark.chromium
#: A loaded machine needs its time.
LONG_MS = 30_000
_SHOWN = "[...document.images].filter(image => image.naturalWidth === 320).length"


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Viewer]:
    eyes = Seeing(tmp_path / "pictures")
    running = Viewer(tmp_path)
    assert running.wait_until_it_serves()
    yield running
    running.end()
    eyes.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.set_default_timeout(LONG_MS)
        yield opened
        browser.close()


def test_the_pictures_move_side_by_side_and_vanish_with_the_viewer(
    viewer: Viewer, page: Page
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    # Not until "load": the pictures never end.
    page.goto(f"http://127.0.0.1:{viewer.port}/?token={quote(TOKEN)}", wait_until="commit")

    assert wait_until(lambda: page.evaluate(_SHOWN) == 2, LONG_MS / 1000)
    assert page.url == f"http://127.0.0.1:{viewer.port}/"
    expect(page.locator("#left")).to_contain_text("ends by itself in", timeout=LONG_MS)
    expect(page.locator("figcaption").first).to_have_text("", timeout=LONG_MS)
    boxes = [image.bounding_box() for image in page.locator("img").all()]
    assert all(box is not None and box["y"] + box["height"] <= 800 for box in boxes)
    assert complaints == []

    viewer.end()
    expect(page.locator("#left")).to_contain_text("over", timeout=LONG_MS)
    assert page.evaluate("[...document.images].every(image => !image.src)")
