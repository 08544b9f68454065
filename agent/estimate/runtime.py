"""From the settings to a runtime with the verified network in it."""

from __future__ import annotations

from agent.config.vision import EstimateSection
from agent.estimate.artefact import ModelEntry, find_model, models_folder, read_verified
from agent.stages import Estimator


def load_estimator(section: EstimateSection) -> tuple[Estimator, ModelEntry]:
    """Return the configured runtime and what the manifest says of its model.

    A runtime's library is imported here, and only the one that is configured: TensorFlow
    alone costs 5 s and 500 MB.

    Raises:
        ModelError: A file is missing or altered, the runtime cannot read it, or there is
            no such device; the message says what to do.
    """
    entry = find_model(section)
    files = read_verified(models_folder(section), entry, section.runtime)
    if section.runtime == "tensorflow":
        from agent.estimate.keras_runtime import load_keras_estimator

        return load_keras_estimator(section, entry, files), entry
    from agent.estimate.openvino_runtime import OpenVinoEstimator

    return OpenVinoEstimator(section, entry, files), entry
