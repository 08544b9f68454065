"""Adds the metadata that MediaPipe Tasks demands to a bare BlazeFace model."""

from __future__ import annotations

import flatbuffers
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as tflite_schema

#: BlazeFace takes pixels scaled to -1..1: (value - 127.5) / 127.5.
_NORMALIZATION = 127.5
_METADATA_BUFFER_NAME = b"TFLITE_METADATA"


def with_normalization(model: bytes) -> bytes:
    """Return the model with input normalisation options embedded.

    MediaPipe's own metadata writer needs a native module that the 1.2 wheel
    lacks, so the flatbuffer is rewritten here with its schema classes.

    Args:
        model: A TFLite flatbuffer with one image input and no metadata.
    """
    tree = tflite_schema.ModelT.InitFromObj(tflite_schema.Model.GetRootAs(model, 0))
    buffer = tflite_schema.BufferT()
    buffer.data = list(_metadata(outputs=len(tree.subgraphs[0].outputs)))
    tree.buffers.append(buffer)
    entry = tflite_schema.MetadataT()
    entry.name = _METADATA_BUFFER_NAME
    entry.buffer = len(tree.buffers) - 1
    tree.metadata = [*(tree.metadata or []), entry]
    builder = flatbuffers.Builder(len(model) + 4096)
    builder.Finish(tree.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _metadata(outputs: int) -> bytes:
    normalization = metadata_schema.NormalizationOptionsT()
    normalization.mean = [_NORMALIZATION]
    normalization.std = [_NORMALIZATION]
    unit = metadata_schema.ProcessUnitT()
    unit.optionsType = metadata_schema.ProcessUnitOptions.NormalizationOptions
    unit.options = normalization
    content = metadata_schema.ContentT()
    content.contentPropertiesType = metadata_schema.ContentProperties.ImageProperties
    image = metadata_schema.ImagePropertiesT()
    image.colorSpace = metadata_schema.ColorSpaceType.RGB
    content.contentProperties = image
    tensor = metadata_schema.TensorMetadataT()
    tensor.name = "image"
    tensor.content = content
    tensor.processUnits = [unit]
    graph = metadata_schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [tensor]
    graph.outputTensorMetadata = [metadata_schema.TensorMetadataT() for _ in range(outputs)]
    model = metadata_schema.ModelMetadataT()
    model.name = "BlazeFace"
    model.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"M001")
    return bytes(builder.Output())
