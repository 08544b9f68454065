"""A processor without bfloat16 imitates it, slowly."""

from pathlib import Path

import pytest

from training.precision import fastest_precision


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("fma avx2 avx512f avx512_bf16", "mixed_bfloat16"),
        ("avx512f amx_bf16 amx_tile", "mixed_bfloat16"),
        ("fma avx2 avx512f avx512_vnni", "float32"),
    ],
)
def test_a_run_takes_what_the_processor_multiplies(
    tmp_path: Path, flags: str, precision: str
) -> None:
    processor = tmp_path / "cpuinfo"
    processor.write_text(f"model name : some\nflags : {flags}\n")

    assert fastest_precision(processor) == precision


def test_elsewhere_it_takes_full_precision(tmp_path: Path) -> None:
    assert fastest_precision(tmp_path / "none") == "float32"
