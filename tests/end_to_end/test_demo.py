"""The demo as a visitor sees it: on the terminal, and the cashier's display in a real Chromium."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

from tests.brokers import wait_until
from tests.conftest import find_program
from tests.end_to_end.command_line import AGENT, REPOSITORY

#: A loaded machine needs its time to load the networks.
LONG_S = 100.0
#: Keeps what the page shows, however shortly.
KEEP_SCREENS = """
window.screens = [];
addEventListener("DOMContentLoaded", () => {
  const places = ["headline", "reason"].map((id) => document.getElementById(id));
  new MutationObserver(() => {
    const words = places.map((place) => place.textContent);
    window.screens.push([document.body.dataset.kind, ...words].join(": "));
  }).observe(document.body, {
    attributes: true, characterData: true, childList: true, subtree: true,
  });
});
"""
SCREENS = {
    "ask: ASK FOR ID: Not sure: no face seen",
    "ask: ASK FOR ID: Looks under 45",
}


@contextmanager
def demo(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the demo; give it and its display's address, which it says before the scene begins."""
    process = subprocess.Popen(
        [*AGENT, "demo", *options], cwd=REPOSITORY, env=os.environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield (
            process,
            next(
                found[1]
                for line in process.stdout
                if (found := re.search(r"display: (http://127\.0\.0\.1:\d+/)", line))
            ),
        )
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_demo_shows_a_full_sale_on_the_terminal() -> None:
    with demo() as (process, _):
        said, complaints = process.communicate(timeout=LONG_S)

    assert process.returncode == 0, complaints
    assert "sale-1: UNSURE, no_evidence" in said
    assert "display shows        ASK FOR ID (Not sure: no face seen)" in said
    assert "sale-1: conscientious (a challenge was due; ID checked by display)" in said
    assert "sale-2: not_due" in said
    assert "sale-3: CHALLENGE, looks_under_challenge_age" in said
    assert "sale-3: missed_challenge (a challenge was due; ID checked by nobody)" in said
    assert "event/age-group" in said
    steps = [said.index(f"sale-1: {step}") for step in ("opened", "UNSURE", "id_checked", "closed")]
    assert steps == sorted(steps)
    assert said.rstrip().endswith("doubt asks.")
    assert "Traceback" not in said + complaints


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """A test run in the background of a shell ignores Ctrl-C, and so would what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.chromium
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("heard_interrupts")
def test_a_demo_that_stays_shows_its_sales_on_the_display_and_ends_with_ctrl_c() -> None:
    """A browser that is slow to come sees them in the next round."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.add_init_script(KEEP_SCREENS)
        with demo("--stay") as (process, url):
            page.goto(url, timeout=LONG_S * 1000)
            assert wait_until(lambda: set(page.evaluate("screens")) >= SCREENS, LONG_S), (
                page.evaluate("screens")
            )
            process.send_signal(signal.SIGINT)
            said, complaints = process.communicate(timeout=LONG_S)
        browser.close()

    assert process.returncode == 0, complaints
    assert "Traceback" not in said + complaints


@pytest.mark.usefixtures("heard_interrupts")
def test_a_demo_that_stays_ends_with_ctrl_c() -> None:
    with demo("--stay") as (process, _):
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=LONG_S)

    assert process.returncode == 0
    assert complaints == ""
