"""Sums over baskets, by DuckDB: all that a report needs, in a few passes over the files.

Everything is added up with the probability of each group, never by the most probable one, and
separately in `BUCKETS` random parts of the baskets, from which intervals follow (jackknife).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agent.errors import InsightsError
from agent.insights.duck import database
from agent.insights.store import parquet_files

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Float64Array = npt.NDArray[np.float64]

#: Random parts of the baskets; an interval rests on their differences.
BUCKETS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Sums over baskets whose buyer is known.

    Attributes:
        groups: Names in order of age.
        products: (category, product id).
        baskets: (BUCKETS,) how many baskets.
        people: (BUCKETS, groups) sums of the groups' probabilities.
        with_product: (BUCKETS, products) baskets with the product.
        bought: (BUCKETS, groups, products) sums of probabilities over baskets with the product.
        unknown: Baskets of which it is not known who bought.
        other_groups: Baskets with other age groups than these; they are left out.
        first_hour: Of all baskets.
        last_hour: Of all baskets.
    """

    groups: tuple[str, ...]
    products: tuple[tuple[str, str], ...]
    baskets: Float64Array
    people: Float64Array
    with_product: Float64Array
    bought: Float64Array
    unknown: int = 0
    other_groups: int = 0
    first_hour: str = ""
    last_hour: str = ""


def count_baskets(folder: Path) -> Counts:
    """Add up the baskets of a folder.

    Raises:
        ExtraError: DuckDB is not installed.
        InsightsError: There are no baskets, or none whose buyer is known.
    """
    files = parquet_files(folder)
    with database() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "CREATE VIEW baskets AS SELECT * FROM read_parquet($files)".replace(
                "$files", _list(files)
            )
        )
        return _count(connection, folder)


def _list(files: list[str]) -> str:
    return "[" + ", ".join("'" + file.replace("'", "''") + "'" for file in files) + "]"


def _count(connection: DuckDBPyConnection, folder: Path) -> Counts:
    editions = connection.execute(
        "SELECT groups, count(*), strftime(min(occurred_at), '%Y-%m-%dT%H:00Z'),"
        " strftime(max(occurred_at), '%Y-%m-%dT%H:00Z')"
        " FROM baskets GROUP BY groups ORDER BY count(*) DESC"
    ).fetchall()
    known = [(tuple(groups), count) for groups, count, _, _ in editions if groups]
    if not known:
        raise InsightsError(
            f"{folder}: no basket with a known age group: does the camera see the customers?"
        )
    groups = known[0][0]
    connection.execute(
        "CREATE TEMP TABLE known AS SELECT hash(event_id) % $buckets AS bucket, probabilities,"
        " lines FROM baskets WHERE groups = $groups",
        {"buckets": BUCKETS, "groups": list(groups)},
    )
    sums = ", ".join(f"sum(probabilities[{number + 1}])" for number in range(len(groups)))
    people = connection.execute(
        f"SELECT bucket, count(*), {sums} FROM known GROUP BY bucket"  # noqa: S608 (numbers)
    ).fetchall()
    bought = connection.execute(
        f"SELECT line.category, line.product_id, bucket, count(*), {sums} FROM"  # noqa: S608 (numbers)
        " (SELECT bucket, probabilities, unnest(lines) AS line FROM known)"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    products = tuple(dict.fromkeys((row[0], row[1]) for row in bought))
    place = {product: number for number, product in enumerate(products)}
    by_bucket = np.zeros((BUCKETS, 1 + len(groups)))
    for row in people:
        by_bucket[row[0]] = row[1:]
    by_product = np.zeros((BUCKETS, 1 + len(groups), len(products)))
    for row in bought:
        by_product[row[2], :, place[row[0], row[1]]] = row[3:]
    return Counts(
        groups=groups,
        products=products,
        baskets=by_bucket[:, 0],
        people=by_bucket[:, 1:],
        with_product=by_product[:, 0],
        bought=by_product[:, 1:],
        unknown=sum(count for names, count, _, _ in editions if not names),
        other_groups=sum(count for _, count in known[1:]),
        first_hour=min(first for _, _, first, _ in editions),
        last_hour=max(last for _, _, _, last in editions),
    )
