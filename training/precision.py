"""Which numbers a training run multiplies on this machine."""

from __future__ import annotations

from pathlib import Path

_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def fastest_precision(processor: Path = Path("/proc/cpuinfo")) -> str:
    """Return Keras' name of a dtype policy.

    Half as wide numbers are twice as fast where the machine multiplies them; a processor that
    only imitates them is at least five times slower with them than with float32 (2026-11). A
    GPU is taken to multiply them (not run here).

    Args:
        processor: Linux' description of it.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return "mixed_bfloat16"
    flags = processor.read_text().split() if processor.exists() else []
    return "float32" if _BFLOAT16_FLAGS.isdisjoint(flags) else "mixed_bfloat16"
