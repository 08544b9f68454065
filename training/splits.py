"""Which photograph trains, selects, calibrates or tests."""

from __future__ import annotations

import hashlib

#: Share of FairFace's training photographs carved out for validation.
FAIRFACE_VAL_RATIO = 0.05
#: Share of UTKFace's training faces of 14-17 years that only calibrate.
CALIBRATION_RATIO = 0.42
CALIBRATION_AGES_YEARS = (14, 17)


def _hash_ratio(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def split_of(row: dict[str, str]) -> str:
    """Return `train`, `val`, `calibration`, `test` or `excluded` for a row of labels.csv.

    Near duplicates share the hash of their group, so they never straddle two splits.
    """
    split = row["split"]
    if split != "train":
        return split
    group = row["near_duplicate_group"]
    ratio = _hash_ratio(f"{row['source']}/{group}" if group else row["file"])
    if row["source"] == "fairface":
        return "val" if ratio < FAIRFACE_VAL_RATIO else "train"
    low, high = CALIBRATION_AGES_YEARS
    # A near duplicate may carry another age, so a group would straddle: it trains whole.
    is_minor = not group and low <= int(row["age_lo_years"]) <= high
    if is_minor and ratio < CALIBRATION_RATIO:
        return "calibration"
    return "train"
