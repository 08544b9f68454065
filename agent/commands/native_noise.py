"""Keeps what C++ libraries print away from the terminal of a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_noise_hidden() -> Iterator[None]:
    """Point descriptor 2 to nowhere; Python's own stderr still reaches the terminal.

    MediaPipe and LiteRT write a dozen lines about delegates at every start, past any
    logging level that could be set. Our own messages all go through `sys.stderr`.
    """
    kept = os.dup(2)
    python_stderr = sys.stderr
    with os.fdopen(os.dup(kept), "w", buffering=1) as terminal:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stderr = terminal
        try:
            yield
        finally:
            sys.stderr = python_stderr
            os.dup2(kept, 2)
            os.close(kept)
