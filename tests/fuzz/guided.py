"""One target, led by the branches that its inputs reach: a process of `make fuzz`.

    python -m tests.fuzz.guided sale_messages --cases 100000 --home .cache/fuzz

The corpus stays, so a later run begins with what the earlier ones have found.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

from tests.fuzz.progress import Progress

#: What is led by: our own code, and parsers in Python before it (PyYAML becomes 50 times as slow).
INSTRUMENTED = ["agent", "h11", "starlette", "http.server", "email"]
SAVE_EVERY_S = 1.0
MIN_INPUT_BYTES = 4096
#: One case may take so long, on a machine with other work to do.
CASE_TIMEOUT_S = 60
MAX_MEMORY_MB = 2048

with atheris.instrument_imports(include=INSTRUMENTED):
    from tests.fuzz.findings import Findings
    from tests.fuzz.inputs import change
    from tests.fuzz.targets.catalogue import find


class Counter:
    """Tries inputs until there were enough, then ends the process."""

    def __init__(self, findings: Findings, cases: int, path: Path) -> None:
        self._findings = findings
        self._cases = cases
        self._path = path
        self._before = Progress.load(path)
        self._began_s = self._saved_s = time.monotonic()
        self._first_bytes = 0

    def __call__(self, content: bytes) -> None:
        """Try one input."""
        self._findings(content)
        if self._findings.cases == 1:
            self._first_bytes = _peak_bytes()
        is_over = self._findings.cases >= self._cases
        if is_over or time.monotonic() - self._saved_s > SAVE_EVERY_S:
            self._saved_s = time.monotonic()
            self._save()
        if is_over:
            # libFuzzer would end the process too, but with the last second's cases uncounted.
            os._exit(0)

    def _save(self) -> None:
        known = {kind: content.hex() for kind, content in self._findings.kinds.items()}
        Progress(
            cases=self._before.cases + self._findings.cases,
            seconds=self._before.seconds + time.monotonic() - self._began_s,
            grown_bytes=max(self._before.grown_bytes, _peak_bytes() - self._first_bytes),
            findings={**self._before.findings, **known},
        ).save(self._path)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def mutate(content: bytes, max_bytes: int, seed: int) -> bytes:
    """Return a changed input: as libFuzzer would, or as the seeded tests do."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return bytes(atheris.Mutate(content, max_bytes))
    changed = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        change(changed, chance)
    return bytes(changed[:max_bytes])


def main() -> None:
    """Fuzz one target; does not return."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    target = find(options.target)
    corpus, progress = options.home / "corpus" / target.name, options.home / "progress"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = target.seeds()
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    done = Progress.load(progress / f"{target.name}.json").cases
    settings = [
        sys.argv[0],
        f"-seed={done + 1}",
        f"-max_len={max(MIN_INPUT_BYTES, 2 * max(map(len, seeds)))}",
        f"-timeout={CASE_TIMEOUT_S}",
        f"-rss_limit_mb={MAX_MEMORY_MB}",
        f"-artifact_prefix={options.home}/{target.name}-",
        "-verbosity=0",
        str(corpus),
    ]
    with TemporaryDirectory(prefix="fuzz-") as folder, target.opened(Path(folder)) as entry:
        counter = Counter(Findings(entry), options.cases, progress / f"{target.name}.json")
        atheris.Setup(settings, counter, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
