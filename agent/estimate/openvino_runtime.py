"""The network on OpenVINO: the CPU path, and Intel graphics.

Intel graphics (device `gpu`, or `auto` where OpenVINO lists one) was not run here: there was
no such device. Everything else was.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from agent.config.vision import EstimateSection
from agent.errors import EstimateError, ModelError
from agent.estimate.answers import check_crops, distributions
from agent.estimate.artefact import ModelEntry
from agent.records import AGE_CLASSES, AgeDistribution, UInt8Array
from agent.sandbox import refuse_telemetry

_logger = logging.getLogger(__name__)

#: The library has no types that mypy may see.
OpenVino: TypeAlias = Any
Core: TypeAlias = Any
Network: TypeAlias = Any
CompiledNetwork: TypeAlias = Any

#: One stream over all cores: a batch is wanted soon, not many batches a second. In single
#: precision a face's answer does not depend on the batch it is in.
_SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoEstimator:
    """A compiled network with a dynamic batch.

    Args:
        section: Its `device` is used.
        entry: Of the manifest.
        files: Content of the artefact's files by name, verified.

    Raises:
        ModelError: OpenVINO cannot read or compile them, or there is no such device.
    """

    def __init__(
        self, section: EstimateSection, entry: ModelEntry, files: Mapping[str, bytes]
    ) -> None:
        self._crop_px = entry.input.crop_px
        openvino = import_openvino()
        core = openvino.Core()
        network = _read(core, entry, files)
        _check_interface(network, entry)
        self.device = choose_device(section.device, _devices(core, section.device))
        self._network = _compile(core, network, self.device, fall_back=section.device == "auto")
        self.estimate(np.zeros((1, self._crop_px, self._crop_px, 3), np.uint8))

    def estimate(self, crops: UInt8Array) -> list[AgeDistribution]:
        """Return one distribution for each crop.

        Args:
            crops: (batch, crop_px, crop_px, 3) uint8, RGB, cut by `align.align_face`.

        Raises:
            EstimateError: The runtime refused the batch, or its answer is no distribution.
        """
        check_crops(crops, self._crop_px)
        try:
            answer = self._network(crops)[0]
        except RuntimeError as error:
            raise EstimateError(f"OpenVINO on {self.device}: {_first_line(error)}") from error
        return distributions(answer, len(crops))


def import_openvino() -> OpenVino:
    """Return the module `openvino`, kept from reporting its use to its maker.

    On import it sends an event through `openvino_telemetry`; where that package cannot be
    imported it falls back to a stub of its own that sends nothing. The vision process
    could not reach the network anyway; `estimate` and `doctor` are no sandboxes.
    """
    refuse_telemetry()
    import openvino

    return openvino


def choose_device(wanted: str, available: list[str]) -> str:
    """Return OpenVINO's name of the device: CPU or GPU.

    Args:
        wanted: `cpu`, `gpu` or `auto`.
        available: As OpenVINO lists them.

    Raises:
        ModelError: `gpu` is wanted and there is none.
    """
    graphics = [name for name in available if name.split(".")[0] == "GPU"]
    if wanted == "cpu" or (wanted == "auto" and not graphics):
        return "CPU"
    if graphics:
        return graphics[0]
    raise ModelError(
        "estimate.device: gpu: OpenVINO finds no GPU (it drives Intel's only; devices: "
        f"{', '.join(available)}): set cpu or auto, or runtime: tensorflow for NVIDIA's"
    )


def _devices(core: Core, wanted: str) -> list[str]:
    return ["CPU"] if wanted == "cpu" else list(core.available_devices)


def _read(core: Core, entry: ModelEntry, files: Mapping[str, bytes]) -> Network:
    """Return the network of an .xml and a .bin, read from memory."""
    by_suffix = {name.rsplit(".", 1)[-1]: content for name, content in files.items()}
    if not {"xml", "bin"} <= by_suffix.keys():
        raise ModelError(f"model {entry.name}: expected an .xml and a .bin, got {sorted(files)}")
    try:
        return core.read_model(by_suffix["xml"], by_suffix["bin"])
    except RuntimeError as error:
        raise ModelError(
            f"model {entry.name}: OpenVINO cannot read it: {_first_line(error)}: export it anew"
        ) from error


def _check_interface(network: Network, entry: ModelEntry) -> None:
    crop_px = entry.input.crop_px
    taken, given = network.input(0).partial_shape, network.output(0).partial_shape
    expected = f"[?,{crop_px},{crop_px},3] u8 -> [?,{AGE_CLASSES}]"
    got = f"{taken} {network.input(0).element_type.get_type_name()} -> {given}"
    if expected != got:
        raise ModelError(f"model {entry.name}: expected {expected}, got {got}: export it anew")


def _compile(core: Core, network: Network, device: str, *, fall_back: bool) -> CompiledNetwork:
    try:
        return core.compile_model(network, device, _SETTINGS)
    except RuntimeError as error:
        if not fall_back or device == "CPU":
            raise ModelError(f"OpenVINO on {device}: {_first_line(error)}: set cpu") from error
        _logger.warning("device_refused device=%s error=%s using=CPU", device, _first_line(error))
    return core.compile_model(network, "CPU", _SETTINGS)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
