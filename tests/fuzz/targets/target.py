"""What a target of the fuzzers is: a boundary, inputs that it takes, and the code behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.inputs import is_taken

#: Takes any bytes; whatever it raises is a finding.
Entry = Callable[[bytes], None]
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Target:
    """One boundary.

    Attributes:
        cases: Its share of the cases in the tests; `make fuzz` multiplies all shares alike.
        modules: The code whose branches are counted.
        seeds: Returns good inputs to begin with.
        opened: Gives the entry, with an empty folder of its own; state lives over all cases.
    """

    name: str
    cases: int
    modules: tuple[str, ...]
    seeds: Callable[[], Sequence[bytes]]
    opened: Callable[[Path], AbstractContextManager[Entry]]


def of_bytes(
    parse: Callable[[bytes], object], refusal: type[Exception]
) -> Callable[[Path], AbstractContextManager[Entry]]:
    """Return what opens a parser of bytes that may raise that refusal only."""

    @contextmanager
    def opened(folder: Path) -> Iterator[Entry]:
        del folder

        def entry(content: bytes) -> None:
            is_taken(lambda: parse(content), refusal)

        yield entry

    return opened


def of_file(
    name: str, read: Callable[[Path], object], refusal: type[Exception]
) -> Callable[[Path], AbstractContextManager[Entry]]:
    """Return what opens a reader of files that may raise that refusal only."""

    @contextmanager
    def opened(folder: Path) -> Iterator[Entry]:
        path = folder / name

        def entry(content: bytes) -> None:
            path.write_bytes(content)
            is_taken(lambda: read(path), refusal)

        yield entry

    return opened
