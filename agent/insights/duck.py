"""DuckDB, imported when it is needed: a register does without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.errors import ExtraError, InsightsError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def require_duckdb() -> None:
    """Check that DuckDB is there, before anything is begun.

    Raises:
        ExtraError: It is not.
    """
    try:
        import duckdb  # noqa: F401  (only whether it can be imported)
    except ImportError as error:
        raise ExtraError("insights need DuckDB: pip install 'checkout-agent[insights]'") from error


@contextmanager
def database() -> Iterator[DuckDBPyConnection]:
    """Give a database in memory that reaches no network and loads no extension.

    Raises:
        ExtraError: DuckDB is not installed.
        InsightsError: What is done with it fails, in its words.
    """
    require_duckdb()
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
    }
    try:
        with duckdb.connect(":memory:", config=settings) as connection:
            yield connection
    except duckdb.Error as error:
        words = str(error).strip().splitlines()
        raise InsightsError(f"duckdb: {words[0] if words else type(error).__name__}") from error
