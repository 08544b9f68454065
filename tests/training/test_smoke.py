"""The whole path from photographs to a model that the agent accepts."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from agent.config.vision import EstimateSection
from agent.decide.thresholds import load_thresholds
from agent.estimate.artefact import verified_model
from training.smoke import smoke


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_from_photographs_to_a_model_that_the_agent_accepts(
    shared_dir: Path, tmp_path: Path
) -> None:
    if not (shared_dir / "data" / "labels.csv").is_file():
        pytest.skip("needs the photographs: data/labels.csv in the shared folder")

    smoke(shared_dir / "data", tmp_path, Console(quiet=True))

    model = tmp_path / "models" / "smoke"
    section = EstimateSection(model="smoke", models_folder=model.parent)
    entry = verified_model(section)
    weights = {file.path: file.sha256 for file in entry.artefact("openvino").files}
    table = load_thresholds(model / "thresholds.json", weights["model.bin"])
    report = json.loads((model / "evaluation.json").read_text())
    assert entry.input.crop_px == 64
    assert entry.licence.usage == "research use"
    assert len(table.tables) == 9
    assert all(each.threshold_years is None for each in table.tables)  # far too few faces
    assert 0 < report["utkface"]["faces_found"] <= report["utkface"]["photographs"]
    assert "Research use" in (model / "MODEL_CARD.md").read_text()
