"""Which share of a target's branches its corpus reaches: replays the corpus under coverage.

python -m tests.fuzz.branches sale_messages --home .cache/fuzz
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from coverage import Coverage


def files_of(modules: Iterable[str]) -> list[str]:
    """Return the source files of modules, without importing them."""
    specs = [importlib.util.find_spec(module) for module in modules]
    return [spec.origin for spec in specs if spec is not None and spec.origin is not None]


def share(name: str, corpus: Path) -> float:
    """Return the share of branches reached, 0..1."""
    coverage = Coverage(
        branch=True, data_file=None, config_file=False, include=["agent/*"], messages=False
    )
    coverage.start()
    from tests.fuzz.findings import Findings
    from tests.fuzz.targets.catalogue import find

    target = find(name)
    with TemporaryDirectory() as folder, target.opened(Path(folder)) as entry:
        findings = Findings(entry)
        for content in (*target.seeds(), *(file.read_bytes() for file in sorted(corpus.iterdir()))):
            findings(content)
    coverage.stop()
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        coverage.json_report(include=files_of(target.modules), outfile=str(report))
        totals = json.loads(report.read_text())["totals"]
    return float(totals["covered_branches"] / max(1, totals["num_branches"]))


def main() -> None:
    """Print the share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    sys.stdout.write(f"{share(options.target, options.home / 'corpus' / options.target)}\n")


if __name__ == "__main__":
    main()
