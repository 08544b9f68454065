"""Keeps OpenVINO's conversion tools and NNCF from reporting their use to their makers."""

from __future__ import annotations

import sys


def refuse_telemetry() -> None:
    """Make `openvino_telemetry` unimportable in this process.

    Both libraries then fall back to their own stub, which sends nothing. Their documented
    switch, `opt_in_out --opt_out`, sends a last event when it is used; this does not.
    Call it before `openvino` or `nncf` is imported.
    """
    if "openvino_telemetry" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # import machinery's own "absent"
