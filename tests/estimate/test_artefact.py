from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import agent
from agent.config.vision import EstimateSection
from agent.errors import ModelError
from agent.estimate import artefact
from agent.estimate.artefact import FileEntry, Manifest


def test_untouched_files_are_accepted_and_returned(fake_section: EstimateSection) -> None:
    entry = artefact.verified_model(fake_section)
    content = artefact.read_verified(artefact.models_folder(fake_section), entry, "openvino")
    assert content == {
        "model.xml": b"content of model.xml",
        "model.bin": b"content of model.bin",
    }


def test_a_file_with_one_changed_byte_is_refused_with_both_digests(
    fake_models: Path, fake_section: EstimateSection
) -> None:
    path = fake_models / "fake" / "model.bin"
    before = FileEntry.of(path).sha256
    path.write_bytes(b"Content of model.bin")
    with pytest.raises(ModelError) as caught:
        artefact.verified_model(fake_section)
    message = str(caught.value)
    assert str(path) in message
    assert before in message
    assert FileEntry.of(path).sha256 in message
    assert sys.executable in message


def test_a_longer_file_is_refused_with_both_sizes(
    fake_models: Path, fake_section: EstimateSection
) -> None:
    path = fake_models / "fake" / "model.bin"
    path.write_bytes(b"x" * 1000)
    with pytest.raises(ModelError, match=r"model\.bin: altered: expected 20 bytes, got 1000"):
        artefact.verified_model(fake_section)


def test_a_missing_file_is_refused_by_name(
    fake_models: Path, fake_section: EstimateSection
) -> None:
    (fake_models / "fake" / "model.xml").unlink()
    with pytest.raises(ModelError, match=r"model\.xml: cannot be read \(No such file"):
        artefact.verified_model(fake_section)


def test_only_the_configured_runtimes_files_are_needed(
    fake_models: Path, fake_section: EstimateSection
) -> None:
    (fake_models / "fake" / "model.keras").unlink()
    assert artefact.verified_model(fake_section).name == "fake"


def test_a_runtime_without_files_is_refused_with_those_that_have(
    fake_models: Path, fake_section: EstimateSection
) -> None:
    path = fake_models / "manifest.json"
    content = json.loads(path.read_text())
    del content["models"][0]["artefacts"]["tensorflow"]
    path.write_text(json.dumps(content))
    wanted = fake_section.model_copy(update={"runtime": "tensorflow"})
    with pytest.raises(ModelError, match="only for openvino"):
        artefact.verified_model(wanted)


def test_an_unknown_model_is_refused_with_those_that_there_are(
    fake_section: EstimateSection,
) -> None:
    with pytest.raises(ModelError, match=r"estimate\.model other is unknown: expected one of fake"):
        artefact.find_model(fake_section.model_copy(update={"model": "other"}))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Invalid JSON"),
        ("[]", "the file: Input should be an object"),
        ('{"schema_version": 2}', "schema_version"),
        ('{"models": [], "surprise": 1}', "surprise"),
    ],
)
def test_a_broken_manifest_is_refused_by_key(
    fake_models: Path, fake_section: EstimateSection, text: str, complaint: str
) -> None:
    (fake_models / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match=complaint):
        artefact.find_model(fake_section)


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest\.json: cannot be read"):
        artefact.load_manifest(tmp_path)


@pytest.mark.parametrize("path", ["../model.bin", "/etc/passwd", "a/b", "", ".hidden", "a\nb"])
def test_a_manifest_cannot_point_out_of_its_folder(path: str) -> None:
    with pytest.raises(ValidationError):
        FileEntry(path=path, sha256="0" * 64, size_bytes=1)


def test_two_models_of_one_name_are_refused(fake_models: Path) -> None:
    entry = artefact.load_manifest(fake_models).models[0]
    with pytest.raises(ValidationError, match="each name may stand there once"):
        Manifest(models=(entry, entry))


def test_a_model_takes_the_place_of_its_namesake(fake_models: Path) -> None:
    manifest = artefact.load_manifest(fake_models)
    newer = manifest.models[0].model_copy(update={"topology": "newer"})
    other = newer.model_copy(update={"name": "other"})
    changed = manifest.with_model(other).with_model(newer)
    assert [(model.name, model.topology) for model in changed.models] == [
        ("other", "newer"),
        ("fake", "newer"),
    ]


def test_a_manifest_survives_being_written_and_read(fake_models: Path) -> None:
    manifest = artefact.load_manifest(fake_models)
    assert Manifest.model_validate_json(manifest.to_json()) == manifest


def test_in_a_checkout_the_remedy_is_git(fake_models: Path) -> None:
    (fake_models.parent / ".git").mkdir()
    assert f"git -C {fake_models.parent} checkout -- models" in artefact.remedy(fake_models)


def test_a_configured_folder_wins(tmp_path: Path) -> None:
    section = EstimateSection(models_folder=tmp_path)
    assert artefact.models_folder(section) == tmp_path
    assert artefact.thresholds_path(section) == tmp_path / "age_resnet50" / "thresholds.json"


def test_the_installed_models_come_before_the_checkouts(
    fake_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "agent"
    package.mkdir(parents=True)
    monkeypatch.setattr(agent, "__file__", str(package / "__init__.py"))
    assert artefact.models_folder(EstimateSection()) == package.parent / "models"
    shutil.copytree(fake_models, package / "models")
    assert artefact.models_folder(EstimateSection()) == package / "models"


@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
def test_the_shipped_files_are_those_of_the_manifest(runtime: artefact.Runtime) -> None:
    entry = artefact.verified_model(EstimateSection(runtime=runtime))
    assert entry.licence.usage == "research use"


def test_the_shipped_models_stay_below_80_megabytes(repository: Path) -> None:
    files = [path for path in (repository / "models").rglob("*") if path.is_file()]
    assert files
    assert sum(path.stat().st_size for path in files) <= 80_000_000


def test_a_refusal_is_no_copy_of_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"k" * 10_000: 1}))
    with pytest.raises(ModelError) as raised:
        artefact.load_manifest(tmp_path)
    assert len(str(raised.value)) < 700
