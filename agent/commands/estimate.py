"""`checkout-agent estimate`: ages on the engineer's own photographs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from agent import assemble_vision
from agent.commands.terminal import plain
from agent.config.schema import Config
from agent.errors import InputError
from agent.photographs import (
    PhotographFace,
    PhotographPipeline,
    limit_decoder,
    read_photograph,
)

_QUANTILES = (5, 50, 95)
_P_UNDER_YEARS = (18, 25)
Decide = Callable[[PhotographFace], dict[str, str]]


def estimate(files: Sequence[Path], config: Config, as_json_lines: bool) -> int:
    """Estimate every file; return 1 when one could not be read, else 0."""
    limit_decoder()
    pipeline, decide = assemble_vision.photograph_pipeline(config)
    console = Console()
    failed = False
    quiet = as_json_lines or not Console(stderr=True).is_terminal
    for path in track(
        files, "estimating", console=Console(stderr=True), transient=True, disable=quiet
    ):
        row = _row(path, pipeline, decide)
        failed |= row["error"] is not None
        if as_json_lines:
            console.file.write(json.dumps(row, allow_nan=False) + "\n")
        else:
            console.print(_table(row), soft_wrap=row["error"] is not None)
    return 1 if failed else 0


def _row(path: Path, pipeline: PhotographPipeline, decide: Decide) -> dict[str, Any]:
    row: dict[str, Any] = {
        "file": str(path),
        "width_px": None,
        "height_px": None,
        "faces": [],
        "error": None,
    }
    try:
        pixels = read_photograph(path)
    except InputError as error:
        return row | {"error": str(error)}
    row["height_px"], row["width_px"] = pixels.shape[:2]
    row["faces"] = [_face(face, decide) for face in pipeline.faces(pixels)]
    return row


def _face(face: PhotographFace, decide: Decide) -> dict[str, Any]:
    box, ages = face.box, face.distribution
    sides = (box.left_px, box.top_px, box.width_px, box.height_px)
    return {
        "box_px": [round(side) for side in sides],
        "detection_score": round(box.score_ratio, 4),
        "age_years": round(ages.mean_years, 2),
        "sd_years": round(ages.sd_years, 2),
        "quantiles_years": {str(q): round(ages.quantile_years(q / 100), 2) for q in _QUANTILES},
        "p_under_ratio": {str(y): round(ages.p_under_ratio(y), 4) for y in _P_UNDER_YEARS},
        "decisions": decide(face),
    }


def _table(row: dict[str, Any]) -> Table | Text:
    if row["error"]:
        return plain(row["error"], "red")
    title = f"{row['file']}  {row['width_px']} x {row['height_px']} px"
    if not row["faces"]:
        return plain(f"{title}: no face found")
    table = Table(title=plain(title), title_justify="left")
    for heading in (
        "face (x, y, w, h) px",
        "score",
        "age",
        "90 % interval",
        "under 18",
        "under 25",
    ):
        table.add_column(heading)
    categories = list(row["faces"][0]["decisions"])
    for category in categories:
        table.add_column(category)
    for face in row["faces"]:
        quantiles = face["quantiles_years"]
        table.add_row(
            str(tuple(face["box_px"])),
            f"{face['detection_score']:.2f}",
            f"{face['age_years']:.1f} ± {face['sd_years']:.1f}",
            f"{math.floor(quantiles['5'])} to {math.ceil(quantiles['95'])}",
            f"{face['p_under_ratio']['18']:.0%}",
            f"{face['p_under_ratio']['25']:.0%}",
            *(face["decisions"][category] for category in categories),
        )
    return table
