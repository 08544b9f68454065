"""Foreign text on a terminal: names of files, what libraries say."""

from __future__ import annotations

from rich.text import Text


def plain(text: str, style: str = "") -> Text:
    """Return text that rich shows as it is, on one line.

    A file's name may look like markup (`[/red]`), hold a line break or bytes that are no UTF-8;
    what cannot be shown is escaped.
    """
    one_line = "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)
    return Text(one_line, style=style)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
