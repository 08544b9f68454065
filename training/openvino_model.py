"""Keras to OpenVINO, and OpenVINO to int8 by NNCF."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from agent.records import Float32Array, UInt8Array
from agent.sandbox import refuse_telemetry
from training.age_calibration import AgeCalibration

INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
LOGITS_NAME = "logits"


def convert(model: keras.Model) -> Any:
    """Return the `openvino.Model` of a Keras model; it takes uint8 pixels, any batch.

    Args:
        model: (batch, crop_px, crop_px, 3) RGB 0..255 to (batch, 101) probabilities, or logits
            for `calibrated`.
    """
    refuse_telemetry()
    import openvino
    import tensorflow
    from openvino.preprocess import PrePostProcessor
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    signature = tensorflow.TensorSpec((None, *model.input_shape[1:]), "float32", INPUT_NAME)

    def serve(image: Any) -> dict[str, Any]:
        return {OUTPUT_NAME: model(image, training=False)}

    function = tensorflow.function(serve, input_signature=[signature])
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    # By way of a file: openvino.convert_model stumbles over Python 3.13 when it is given an
    # object (2026.4: its `exec("del tensorflow")` finds nothing to delete).
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frozen.pb"
        path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        converted = openvino.Core().read_model(path)
    processor = PrePostProcessor(converted)
    processor.input().tensor().set_element_type(openvino.Type.u8)
    result = processor.build()
    result.inputs[0].get_tensor().set_names({INPUT_NAME})
    result.outputs[0].get_tensor().set_names({OUTPUT_NAME})
    return result


def quantise(model: Any, crops: UInt8Array) -> Any:
    """Return the model with int8 convolutions.

    The overflow fix halves the range of the weights, because the int8 instructions of
    processors without VNNI add pairs in 16 bits and would saturate.
    The slower bias correction costs nothing when the model runs, and a third of the loss.

    Args:
        model: From `convert`.
        crops: (n, crop_px, crop_px, 3) uint8: 300-500 aligned training crops.
    """
    refuse_telemetry()
    import nncf

    return nncf.quantize(
        model,
        nncf.Dataset([crops[i : i + 1] for i in range(len(crops))]),
        subset_size=len(crops),
        fast_bias_correction=False,
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.OverflowFix.ENABLE
        ),
    )


def calibrated(model: Any, calibration: AgeCalibration) -> Any:
    """Return the model of logits with calibration and softmax behind them.

    Args:
        model: From `convert` or `quantise`; it is left as it is.
        calibration: Of each year's logit.
    """
    refuse_telemetry()
    import openvino
    from openvino import opset13

    whole = model.clone()
    logits = whole.outputs[0].get_node().input_value(0)
    logits.get_tensor().set_names({LOGITS_NAME})  # `convert` calls its output probabilities
    scaled = opset13.multiply(logits, opset13.constant(calibration.scale[None]))
    biased = opset13.add(scaled, opset13.constant(calibration.bias[None]))
    probabilities = opset13.softmax(biased, axis=1)
    probabilities.output(0).get_tensor().set_names({OUTPUT_NAME})
    return openvino.Model([probabilities], whole.get_parameters(), whole.get_friendly_name())


def run(model: Any, crops: UInt8Array, batch: int = 64) -> Float32Array:
    """Return (n, 101) probabilities, or logits, of the OpenVINO model on the CPU."""
    refuse_telemetry()
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32"}  # as the agent's runtime has it
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    parts = [compiled(crops[i : i + batch])[0] for i in range(0, len(crops), batch)]
    return np.concatenate(parts).astype(np.float32)


def save(model: Any, path: Path) -> None:
    """Write `path` (.xml) and its .bin; what is still float32 is stored as float16."""
    refuse_telemetry()
    import openvino

    openvino.save_model(model, path, compress_to_fp16=True)
