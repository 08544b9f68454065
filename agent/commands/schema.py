"""`checkout-agent schema`: the message schemas, for the people who consume them."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from agent.errors import InputError
from agent.publish.documents import drifted, make_documents


def schema(folder: Path, *, check: bool = False) -> int:
    """Write the JSON Schemas and the AsyncAPI document into a folder, or compare them with it.

    Args:
        folder: Made when it is not there.
        check: Write nothing; return 1 when a file is not what would be written.

    Raises:
        InputError: The folder cannot be read or written.
    """
    console = Console(soft_wrap=True, highlight=False)
    try:
        if check:
            return _compare(folder, console)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in make_documents().items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}: give another folder") from error
    console.print(f"{folder}: {len(make_documents())} documents written")
    return 0


def _compare(folder: Path, console: Console) -> int:
    files = [*folder.glob("*.json"), *folder.glob("*.yaml")]
    names = list(drifted({file.name: file.read_text(encoding="utf-8") for file in files}))
    for name in names:
        console.print(f"{folder / name}: differs: checkout-agent schema {folder}")
    return 1 if names else 0
