"""Sections for what speaks: MQTT, the outbox, the display, the logs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agent.config.section import Name, Section


class TlsSection(Section):
    """TLS towards the broker; the server's name is always checked."""

    ca_file: Path | None = Field(None, description="none: the system's certificates")
    certificate_file: Path | None = Field(None, description="own certificate, for mutual TLS")
    key_file: Path | None = None

    @model_validator(mode="after")
    def _pair(self) -> TlsSection:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        return self


class HomeAssistantSection(Section):
    """MQTT discovery: the register as a device in Home Assistant."""

    enabled: bool = False
    discovery_prefix: str = Field(
        "homeassistant",
        pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$",
        max_length=63,
        description="as set in Home Assistant's MQTT options",
    )


class MqttSection(Section):
    """The broker."""

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(1883, ge=1, le=65535)
    protocol: Literal["5", "3.1.1"] = "5"
    prefix: Name = Field("checkout", description="first level of every topic")
    username: str | None = None
    password_env: str | None = Field(None, description="environment variable with the password")
    password_file: Path | None = Field(None, description="file with the password")
    tls: TlsSection | None = None
    keepalive_s: int = Field(15, ge=5, le=3600)
    connect_timeout_s: float = Field(5.0, gt=0, le=60)
    backoff_initial_s: float = Field(0.5, gt=0, le=60)
    backoff_max_s: float = Field(5.0, gt=0, le=600)
    max_inflight: int = Field(20, ge=1, le=1000)
    backlog_rate_hz: float = Field(200.0, gt=0, le=10000, description="messages after an outage")
    home_assistant: HomeAssistantSection = HomeAssistantSection()


class OutboxSection(Section):
    """Messages committed to disk before they are sent."""

    path: Path = Field(Path("var/outbox.sqlite3"), description="relative to the config file")
    max_rows: int = Field(200_000, ge=100)
    max_bytes: int = Field(200_000_000, ge=1_000_000)
    max_age_s: float = Field(7 * 86400.0, gt=0, description="older events are dropped")
    resend_window_s: float = Field(30.0, ge=0, le=3600, description="kept so long after PUBACK")
    fsync: Literal["full", "normal"] = Field(
        "full", description="full: survives a power cut; normal: may lose the last second"
    )


class ObserveSection(Section):
    """Logs, metrics and health."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    http_port: int | None = Field(None, ge=1, le=65535, description="/healthz /readyz /metrics")
    progress_timeout_s: float = Field(10.0, gt=1, le=120, description="a loop without progress")
