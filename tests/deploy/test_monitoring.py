"""The examples for Prometheus and Grafana name only metrics and labels that the agent has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from agent.config.load import load_config
from agent.latencies import AgentStage, Stopwatch, VisionStage
from agent.observe.metrics import Metrics
from agent.outcomes import AgeGroupSeen
from agent.records import CameraStatus, CaptureProgress, VisionProgress

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS, GRAFANA = DEPLOY / "prometheus", DEPLOY / "grafana"
#: Prometheus' own, and those that the scrape example adds.
FOREIGN_LABELS = {"le", "job", "instance", "store", "register"}


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """The labels of every sample on the page of an agent that has done a bit of everything."""
    metrics = Metrics()
    vision, agent = Stopwatch[VisionStage](), Stopwatch[AgentStage]()
    vision.count("detect", 0.01)
    agent.count("decide", 0.01)
    metrics.vision_progress(
        VisionProgress(1.0, rejected={"small": 1}, latencies=vision.totals(), batch_sizes=(0, 1))
    )
    metrics.stages(agent.totals().items())
    metrics.capture_progress(CaptureProgress("till", 1.0, 1, 1))
    metrics.camera_status(CameraStatus("till", "online", 1.0))
    metrics.processes({"vision": 1}, refused=1)
    metrics.loops({"decision": 0.0})
    metrics.inbound({"schema": 1})
    metrics.outbox_dropped({"rows": 1})
    metrics.decided(AgeGroupSeen("e", "till", "25-34", (("25-34", 1.0),), 2.0, 3, 0.0))
    metrics.model("age", "abc", "openvino")
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
    }


def dashboard() -> dict[str, Any]:
    return dict(json.loads((GRAFANA / "dashboard.json").read_text()))


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield f"{rule['expr']} # {rule['annotations']['summary']}", rule["alert"]
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield f"{target['expr']} # {target['legendFormat']}", panel["title"]


@pytest.mark.parametrize(("expression", "place"), list(expressions()))
def test_every_metric_and_label_they_name_exists(
    labels: dict[str, set[str]], expression: str, place: str
) -> None:
    names = re.findall(r"\b(checkout_\w+)", expression)
    assert set(names) <= labels.keys(), place
    used = re.findall(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"", expression)
    used += re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", expression)
    used += re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", expression)))
    known = FOREIGN_LABELS.union(*(labels[name] for name in names))
    assert set(used) <= known, place


def test_every_metric_of_the_agent_is_on_the_dashboard_or_watched(
    labels: dict[str, set[str]],
) -> None:
    named = " ".join(expression for expression, _ in expressions())
    unnamed = {
        name
        for name in labels
        if name not in named and not name.endswith(("_created", "_bucket", "_sum", "_count"))
    }
    assert unnamed == {"checkout_outbox_bytes"}


def test_the_panels_lie_side_by_side() -> None:
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    covered = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(covered)) == len(covered)
    assert max(x for x, _ in covered) < 24


def test_the_scrape_example_asks_the_page_that_it_tells_to_switch_on(tmp_path: Path) -> None:
    text = (PROMETHEUS / "prometheus.yml").read_text()
    shown = re.search(r"^# {3}(observe: .*)$", text, re.MULTILINE)
    assert shown is not None
    config = tmp_path / "config.yaml"
    config.write_text(shown[1])
    (scraped,) = yaml.safe_load(text)["scrape_configs"]
    (target,) = scraped["static_configs"]
    assert target["targets"] == [f"127.0.0.1:{load_config(config).config.observe.http_port}"]
    assert yaml.safe_load(text)["rule_files"] == ["alerts.yml"]
