"""Keras keeps its precision for the whole process: each module starts from the default."""

from collections.abc import Generator

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def _full_precision() -> Generator[None]:
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("float32")
    yield
    keras.mixed_precision.set_dtype_policy(before)
