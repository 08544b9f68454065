"""What lies beside the weights, and the offer table: JSON files that were made elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from agent.config.schema import Config
from agent.decide.age_group import group_names
from agent.decide.offer_table import load_offer_table
from agent.decide.thresholds import explain_missing, load_thresholds
from agent.errors import ConfigError, ModelError
from agent.estimate.artefact import load_manifest, read_verified
from agent.insights.confusion import CONFUSION_NAME, corrected, load_confusion
from tests.fuzz.targets.target import REPOSITORY, Entry, Target, of_file

WEIGHTS = b"abc"
MODEL = REPOSITORY / "models/age_resnet50"
GROUPS = group_names(Config().age_groups)


def _read_manifest(path: Path) -> None:
    for entry in load_manifest(path.parent).models:
        for runtime in entry.artefacts:
            read_verified(path.parent, entry, runtime)


def _read_thresholds(path: Path) -> None:
    table = load_thresholds(path)
    table.lookup(18, 0.05)
    explain_missing(table, 18, 0.01)


def _read_confusion(path: Path) -> None:
    confusion = load_confusion(path.parent, GROUPS, "0" * 64)
    corrected(np.ones((len(GROUPS), 2)), confusion)


def _read_offers(path: Path) -> None:
    table = load_offer_table(path, GROUPS)
    even = dict.fromkeys(GROUPS, 1.0 / len(GROUPS))
    assert len(table.best(even, 3, without=("alcohol",))) <= 3


def _manifests() -> Sequence[bytes]:
    manifest = json.loads((REPOSITORY / "models/manifest.json").read_bytes())
    tiny = {"path": "model.bin", "sha256": hashlib.sha256(WEIGHTS).hexdigest(), "size_bytes": 3}
    small = manifest["models"][0] | {
        "name": "tiny", "metrics": {},
        "artefacts": {"openvino": {"precision": "int8", "files": [tiny]}},
    }  # fmt: skip
    changed = small | {"artefacts": {"tensorflow": {"precision": "int8", "files": [
        tiny | {"sha256": "0" * 64}]}}}  # fmt: skip
    both = [{"schema_version": 1, "models": [each]} for each in (small, changed)]
    return [json.dumps(each).encode() for each in (manifest, *both, {"models": []})]


@contextmanager
def _opened_manifest(folder: Path) -> Iterator[Entry]:
    (folder / "tiny").mkdir()
    (folder / "tiny/model.bin").write_bytes(WEIGHTS)
    with of_file("manifest.json", _read_manifest, ModelError)(folder) as entry:
        yield entry


def _thresholds() -> Sequence[bytes]:
    whole = (MODEL / "thresholds.json").read_bytes()
    table = json.loads(whole)
    table["tables"] = table["tables"][:2]
    return [whole, json.dumps(table).encode()]


def _confusions() -> Sequence[bytes]:
    even = [[1.0 / len(GROUPS)] * len(GROUPS)] * len(GROUPS)
    document = {
        "schema_version": 1, "model_sha256": "0" * 64, "measured_on": "faces", "groups": GROUPS,
        "people": [5] * len(GROUPS), "mean_probability": even,
    }  # fmt: skip
    return [json.dumps(document).encode()]


def _offers() -> Sequence[bytes]:
    product = {"category": "snacks", "product_id": "nuts", "lift": 1.5, "baskets": 20.0}
    groups = [{"group": name, "products": [product]} for name in GROUPS]
    return [json.dumps({"schema_version": 1, "groups": groups}).encode()]


MANIFEST = Target(
    name="manifest",
    cases=3000,
    modules=("agent.estimate.artefact",),
    seeds=_manifests,
    opened=_opened_manifest,
)
THRESHOLDS = Target(
    name="thresholds",
    cases=3000,
    modules=("agent.decide.thresholds",),
    seeds=_thresholds,
    opened=of_file("thresholds.json", _read_thresholds, ModelError),
)
CONFUSION = Target(
    name="group_confusion",
    cases=2500,
    modules=("agent.insights.confusion",),
    seeds=_confusions,
    opened=of_file(CONFUSION_NAME, _read_confusion, ModelError),
)
OFFERS = Target(
    name="offer_table",
    cases=3000,
    modules=("agent.decide.offer_table",),
    seeds=_offers,
    opened=of_file("offers.json", _read_offers, ConfigError),
)
