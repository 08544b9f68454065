"""What a run shows on a terminal and in a log."""

import io

from rich.console import Console

from training.live import LiveTable

ROWS = ({"step": 5.0, "loss": 3.25, "utkface_distance_years": 6.5}, {"step": 10.0, "loss": 2.5})


def shown(is_terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=100)
    live = LiveTable(console, total_steps=10, first_step=0, batch=8)
    with live.shown():
        live.step(5, [4.0, 3.0])
        for row in ROWS:
            live.end_pass(row)
    return file.getvalue()


def test_a_terminal_has_a_table_with_a_row_for_each_pass_and_the_rate() -> None:
    text = shown(is_terminal=True)

    assert "utkface distance years" in text
    assert "6.500" in text
    assert "faces/s" in text
    assert "loss 3.500" in text


def test_a_log_has_a_line_for_each_pass_and_no_bar() -> None:
    lines = shown(is_terminal=False).splitlines()

    assert lines == [
        "step 5.000  loss 3.250  utkface_distance_years 6.500",
        "step 10.000  loss 2.500",
    ]
