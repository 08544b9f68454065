"""All faults of the campaign, in the order in which they are inflicted.

Killed processes first: those that live on are older then when memory is measured.
"""

from __future__ import annotations

from typing import Literal

from tests.faults.broker_faults import freeze_broker, kill_broker
from tests.faults.camera_faults import break_camera, change_camera
from tests.faults.clock_faults import borrowed_clock, jump, missing_library
from tests.faults.credential_faults import change_password, show_face
from tests.faults.disk import mounting_fault
from tests.faults.network_faults import cut, delay, leave_half_open, throttle
from tests.faults.process_faults import kill_agent, kill_between, kill_capture, kill_vision
from tests.faults.resource_faults import (
    missing_group,
    replace_model,
    starve_by_group,
    starve_by_limit,
)
from tests.faults.storage_faults import (
    fill_disk,
    leave_an_older_version,
    overwrite_with_noise,
    spoil_outbox,
    start_read_only,
    truncate,
)
from tests.faults.trial import Plan

#: Of what takes long and has no chance in it.
_RARELY = 0.06
_ITSELF: Literal["by itself"] = "by itself"
_ASKED: Literal["when asked"] = "when asked"

PLANS = (
    Plan("broker killed", kill_broker, share=1.0, shows_again=_ITSELF),
    Plan("agent killed", kill_agent, share=1.0, shows_again=_ITSELF),
    Plan("agent killed before send", kill_between("up"), share=0.2, shows_again=_ITSELF),
    Plan("agent killed before PUBACK", kill_between("down"), share=0.2, shows_again=_ITSELF),
    Plan("vision killed", kill_vision, share=1.0),
    Plan("capture killed", kill_capture, share=1.0),
    Plan(
        "outbox truncated",
        spoil_outbox(truncate, is_seen=False),
        share=_RARELY,
        shows_again=_ITSELF,
        in_tests=False,
    ),
    Plan(
        "outbox of noise",
        spoil_outbox(overwrite_with_noise),
        share=_RARELY,
        shows_again=_ITSELF,
    ),
    Plan(
        "outbox of an older version",
        spoil_outbox(leave_an_older_version),
        share=_RARELY,
        shows_again=_ITSELF,
    ),
    Plan(
        "outbox truncated under the agent",
        spoil_outbox(truncate, while_running=True, is_seen=False),
        share=_RARELY,
        shows_again=_ASKED,
    ),
    Plan("disk read-only at start", start_read_only, shows_again=_ITSELF, need=mounting_fault),
    Plan(
        "clock jumps by an hour",
        jump,
        share=0.2,
        shows_again=_ASKED,
        ground=borrowed_clock,
        need=missing_library,
    ),
    Plan("memory limit of a cgroup", starve_by_group, need=missing_group, share=_RARELY),
    Plan("memory limit RLIMIT_DATA", starve_by_limit, share=_RARELY, in_tests=False),
    Plan("model file replaced", replace_model),
    Plan("broker frozen", freeze_broker),
    Plan("network cut", cut, share=0.4, shows_again=_ITSELF),
    Plan("network delayed 2 s", delay),
    Plan("network throttled", throttle),
    Plan("network half-open", leave_half_open, shows_again=_ITSELF),
    Plan("wrong password", change_password, shows_again=_ITSELF, share=_RARELY),
    Plan("expired certificate", show_face("expired", "certificate has expired"), share=_RARELY),
    Plan(
        "wrong CA",
        show_face("stranger", "(self-signed|unable to get local issuer)"),
        share=_RARELY,
        in_tests=False,
    ),
    Plan(
        "wrong host name",
        show_face("other_host", "IP address mismatch"),
        share=_RARELY,
        in_tests=False,
    ),
    Plan("disk full", fill_disk, need=mounting_fault),
    Plan("camera hangs", break_camera("hang"), share=_RARELY),
    Plan("camera sends garbage", break_camera("garbage"), share=_RARELY),
    Plan("camera gone", break_camera("gone"), share=_RARELY),
    Plan("camera frozen", break_camera("frozen"), share=_RARELY),
    Plan("camera black", break_camera("black"), share=_RARELY),
    Plan("camera changes resolution", change_camera("resized")),
    Plan("camera at 5 a second", change_camera("slow")),
)
