from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.config.vision import EstimateSection
from agent.detect.blazeface import BlazeFace
from agent.detect.face_detector import CloseUpDetector
from agent.detect.second_look import SecondLook
from agent.errors import ModelError
from agent.estimate.align import align_face
from agent.estimate.artefact import Runtime
from agent.estimate.runtime import load_estimator
from agent.photographs import read_photograph
from agent.records import UInt8Array
from tests.estimate.real_faces import frames_of


def faces(pictures: list[UInt8Array], crop_px: int) -> UInt8Array:
    """Return the aligned crop of the largest face of each picture."""
    network = BlazeFace("short_range", 0.5)
    close_up, second_look = CloseUpDetector(network), SecondLook(network)
    cut = []
    for pixels in pictures:
        box = max(close_up.detect(pixels), key=lambda face: face.width_px)
        look = second_look.look(pixels, box)
        assert look is not None
        cut.append(align_face(pixels, look.keypoints, crop_px))
    network.close()
    return np.stack(cut)


def test_an_altered_file_never_reaches_a_runtime(
    fake_models: Path, fake_section: EstimateSection
) -> None:
    (fake_models / "fake" / "model.bin").write_bytes(b"Content of model.bin")
    with pytest.raises(ModelError, match="altered: expected SHA-256"):
        load_estimator(fake_section)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
def test_the_shipped_network_sees_an_adult(runtime: Runtime, portrait: Path) -> None:
    estimator, entry = load_estimator(EstimateSection(runtime=runtime, device="cpu"))
    pixels = read_photograph(portrait)
    (answer,) = estimator.estimate(faces([pixels], entry.input.crop_px))
    assert 22 <= answer.mean_years <= 60  # a woman of about 40
    assert answer.p_under_ratio(18) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["openvino", "tensorflow"])
def test_the_shipped_network_tells_every_face_the_same_in_any_batch(
    runtime: Runtime, carphone_clip: Path
) -> None:
    estimator, entry = load_estimator(EstimateSection(runtime=runtime, device="cpu"))
    crops = faces(list(frames_of(carphone_clip, step=24)), entry.input.crop_px)
    assert len(crops) == 5
    alone = [estimator.estimate(crop[None])[0].probabilities for crop in crops]
    together = [answer.probabilities for answer in estimator.estimate(crops)]
    assert np.array(together) == pytest.approx(np.array(alone), abs=1e-3)
