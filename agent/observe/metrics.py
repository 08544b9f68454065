"""Prometheus metrics of one agent, in a registry of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from agent.latencies import Latencies
from agent.observe.stage_histogram import StageHistogram
from agent.outcomes import AgeGroupSeen, Alert, Basket, Offer, Outcome, SaleAudit
from agent.records import CameraStatus, CaptureProgress, VisionProgress

#: Crops in a batch; `estimate.max_batch` is 16 as shipped.
_BATCH_BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256)
_LATENCY_BUCKETS_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
#: Reasons come from the process that decodes pictures: it must not fill the memory with names.
_MAX_REASONS = 32
_MAX_REASON_CHARACTERS = 64
#: Two hundred times what an honest report of one second brings; the histogram takes them singly.
_MAX_BATCHES_A_REPORT = 10_000

#: What is not dropped among the counts of the inbox.
_USED = frozenset({"received", "hello"})

#: Sums a process has counted since it was started, by metric.
Totals = Mapping[str, int]


class Metrics:
    """Everything that is counted; fed by the agent's main loop alone."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seen = {
            name: self._counter(f"vision_{name}", text)
            for name, text in {
                "frames": "Frames that the vision process has worked through.",
                "faces": "Faces found in frames.",
                "visits": "Visits begun.",
                "estimates": "Crops estimated.",
                "crops_dropped": "Crops dropped because newer ones were there.",
            }.items()
        }
        self._rejected = self._counter(
            "vision_crops_rejected", "Crops refused by the quality gate.", "reason"
        )
        self._batches = Histogram(
            "checkout_vision_batch_crops",
            "Crops estimated together.",
            buckets=_BATCH_BUCKETS,
            registry=self.registry,
        )
        self._frame_latency = Histogram(
            "checkout_frame_to_decision_seconds",
            "From the capture of a frame to the moment its estimate has been decided on.",
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._read = self._counter("camera_frames_read", "Frames read.", "camera")
        self._dropped = self._counter(
            "camera_frames_dropped", "Frames overwritten by a newer one.", "camera"
        )
        self._online = self._gauge("camera_online", "1: frames arrive; 0: they do not.", "camera")
        self._stages = StageHistogram()
        self.registry.register(self._stages)
        self._restarts = self._counter("process_restarts", "Processes started anew.", "process")
        self._refused = self._counter(
            "records_refused", "Records of the processes that see which broke the schema."
        )
        self._silence = self._gauge(
            "loop_silent_seconds", "Time since a loop went round, or was last well.", "loop"
        )
        self._decisions = self._counter("decisions", "What was decided.", "kind", "outcome")
        self._inbound_dropped = self._counter(
            "inbound_dropped", "Messages from outside that were dropped.", "reason"
        )
        self._connected = self._gauge("broker_connected", "1: connected to the broker.")
        self._connects = self._counter("broker_connects", "Connections to the broker.")
        self._outbox_rows = self._gauge("outbox_rows", "Messages in the outbox.")
        self._outbox_bytes = self._gauge("outbox_bytes", "Size of the messages in the outbox.")
        self._outbox_age = self._gauge("outbox_oldest_seconds", "Age of the oldest unsent message.")
        self._outbox_dropped = self._counter(
            "outbox_dropped", "Messages that will never be sent, by the reason.", "reason"
        )
        self._model = Info("checkout_model", "The age network in use.", registry=self.registry)
        self._last: dict[str, Totals] = {}
        self._reasons: set[str] = set()

    def vision_progress(self, progress: VisionProgress) -> None:
        """Add what the vision process has done since its last report."""
        sums = {name: getattr(progress, name) for name in self._seen}
        for name, more in self._growth("vision", sums).items():
            self._seen[name].inc(more)
        for reason, more in self._growth("rejected", progress.rejected).items():
            self._rejected.labels(self._bounded(reason)).inc(more)
        self.stages(progress.latencies.items())
        sizes = {str(size): number for size, number in enumerate(progress.batch_sizes)}
        left = _MAX_BATCHES_A_REPORT
        for size, more in self._growth("batches", sizes).items():
            for _ in range(min(more, left)):
                self._batches.observe(int(size))
            left = max(0, left - more)

    def capture_progress(self, progress: CaptureProgress) -> None:
        """Add what one capture process has read since its last report."""
        sums = {"read": progress.frames_read, "dropped": progress.frames_dropped}
        growth = self._growth(f"camera {progress.camera_id}", sums)
        self._read.labels(progress.camera_id).inc(growth["read"])
        self._dropped.labels(progress.camera_id).inc(growth["dropped"])

    def camera_status(self, status: CameraStatus) -> None:
        """Note whether a camera gives frames."""
        self._online.labels(status.camera_id).set(status.state == "online")

    def frame_decided(self, latency_s: float) -> None:
        """Count how long a frame took from its capture to the decision."""
        self._frame_latency.observe(max(0.0, latency_s))

    def stages(self, latencies: Iterable[tuple[str, Latencies]]) -> None:
        """Add what stages have taken since their last report."""
        self._stages.add(latencies)

    def processes(self, restarts: Totals, refused: int) -> None:
        """Count starts after the first, by process, and records that were refused."""
        self._grow(self._restarts, "restarts", restarts)
        self._refused.inc(self._growth("refused", {"": refused})[""])

    def loops(self, silences_s: Mapping[str, float]) -> None:
        """Note how long each loop has not gone round."""
        for loop, silence_s in silences_s.items():
            self._silence.labels(loop).set(silence_s)

    def decided(self, outcome: Outcome) -> None:
        """Count an alert by its advice, a visit by its age group, an audit by its result."""
        match outcome:
            case Alert():
                self._decisions.labels("alert", outcome.advice).inc()
            case AgeGroupSeen():
                self._decisions.labels("age_group", outcome.group).inc()
            case SaleAudit():
                self._decisions.labels("sale_audit", outcome.result).inc()
            case Basket():
                known = "known" if outcome.group_probabilities else "unknown"
                self._decisions.labels("basket", known).inc()
            case Offer():
                self._decisions.labels("offer", "made").inc()

    def inbound(self, counts: Totals) -> None:
        """Count messages from outside that were not used, by one of our own words."""
        dropped = {why: number for why, number in counts.items() if why not in _USED}
        self._grow(self._inbound_dropped, "inbound", dropped)

    def broker(self, connected: bool, connects: int) -> None:
        """Note whether the connection is up, and how often it came up since the start."""
        self._connected.set(connected)
        self._connects.inc(self._growth("connects", {"": connects})[""])

    def outbox(self, rows: int, size_bytes: int, oldest_s: float) -> None:
        """Note how much waits, and for how long."""
        self._outbox_rows.set(rows)
        self._outbox_bytes.set(size_bytes)
        self._outbox_age.set(oldest_s)

    def outbox_dropped(self, counts: Totals) -> None:
        """Count messages that will never be sent, by the reason."""
        self._grow(self._outbox_dropped, "outbox", counts)

    def model(self, name: str, digest: str, runtime: str) -> None:
        """Note which network is in use; `digest` is the SHA-256 of its weights."""
        self._model.info({"name": name, "digest": digest, "runtime": runtime})

    def page(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _grow(self, counter: Counter, source: str, sums: Totals) -> None:
        for label, more in self._growth(source, sums).items():
            counter.labels(label).inc(more)

    def _growth(self, source: str, sums: Totals) -> dict[str, int]:
        """Return what was added since the last report; a sum that fell began anew."""
        last = self._last.get(source, {})
        restarted = any(value < last.get(name, 0) for name, value in sums.items())
        self._last[source] = dict(sums)
        return {
            name: max(0, value - (0 if restarted else last.get(name, 0)))
            for name, value in sums.items()
        }

    def _bounded(self, reason: str) -> str:
        if len(self._reasons) < _MAX_REASONS:
            self._reasons.add(reason[:_MAX_REASON_CHARACTERS])
        return reason if reason in self._reasons else "other"

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"checkout_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"checkout_{name}", text, labels, registry=self.registry)
