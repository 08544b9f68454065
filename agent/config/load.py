"""Reads the settings file and the environment; nothing else in the agent reads either."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from agent.config import faults, strict_yaml
from agent.config.credentials import (
    Account,
    Credentials,
    account_fault,
    host_fault,
    is_address,
    login_spellings,
    source_fault,
    with_login,
)
from agent.config.schema import Config
from agent.config.section import Section
from agent.config.vision import CameraSection
from agent.errors import ConfigError

_SectionType = TypeVar("_SectionType", bound=Section)
_BUILT_IN = "built-in defaults"


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The settings, where they came from, and the way to their passwords.

    Attributes:
        config: All paths in it are absolute.
        path: The file; None for the built-in defaults.
        digest: SHA-256 of all settings, hexadecimal; comments and folders do not change it.
    """

    config: Config
    path: Path | None
    digest: str
    _credentials: Credentials = field(repr=False)

    def with_config(self, config: Config) -> LoadedConfig:
        """Return the same with other settings, such as a replay's cameras."""
        return replace(self, config=config, digest=_digest(config))

    def mqtt_password(self) -> str | None:
        """Return the broker's password as it is now, or None when none is configured.

        Raises:
            ConfigError: The named variable or file does not give one.
        """
        return self._credentials.password(self.config.mqtt, "mqtt")

    def display_login(self) -> tuple[str | None, str | None]:
        """Return the display's name and password at the broker; its own, else the agent's.

        Raises:
            ConfigError: The named variable or file does not give the password.
        """
        display = self.config.display
        if display.username is None:
            return self.config.mqtt.username, self.mqtt_password()
        return display.username, self._credentials.password(display, "display")

    def display_token(self) -> str | None:
        """Return what a browser must show to see the display, or None when anybody may.

        Raises:
            ConfigError: The named variable or file does not give it, or it is too short.
        """
        return self._credentials.token(self.config.display, "display")

    def debug_view_token(self) -> str | None:
        """Return what a browser must show to see the live picture, or None: none is configured.

        Raises:
            ConfigError: The named variable or file does not give it, or it is too short.
        """
        return self._credentials.token(self.config.debug_view, "debug_view")

    def camera_address(self, camera: CameraSection) -> str:
        """Return what OpenCV opens: device, file, or address with its login.

        The result is a secret: it may be neither logged nor put into a command line.

        Raises:
            ConfigError: The named variable or file does not give the password.
        """
        if camera.username is None:
            return camera.source
        password = self._credentials.password(camera, f"cameras ({camera.id})")
        return with_login(camera.source, camera.username, password or "")

    def without_login(self, camera: CameraSection, text: str) -> str:
        """Return what a decoder has said without the camera's login; never raises."""
        try:
            text = text.replace(self.camera_address(camera), camera.source)
            password = self._credentials.password(camera, f"cameras ({camera.id})")
        except ConfigError:
            return text  # then nothing has logged in with it either
        for spelling in login_spellings(camera.username or "", password or ""):
            text = text.replace(spelling, "***")
        return text


@dataclass(frozen=True, slots=True)
class ServiceEnvironment:
    """What systemd tells a service of Type=notify.

    Attributes:
        notify_socket: Path, or `@name` for an abstract socket; None: not under systemd.
        watchdog_s: A ping is due at least so often; None: no watchdog.
    """

    notify_socket: str | None = None
    watchdog_s: float | None = None


def load_config(path: Path | None, environment: Mapping[str, str] = os.environ) -> LoadedConfig:
    """Read and check a settings file.

    Args:
        path: The file; None for the built-in defaults.
        environment: Where `password_env` is looked up.

    Raises:
        ConfigError: One line a fault: file: key: got value: reason.
    """
    name = _BUILT_IN if path is None else str(path)
    config = Config() if path is None else _validated(_read(path, name), name)
    folder = (Path() if path is None else path.parent).resolve()
    _refuse_bad_logins(config, name)
    credentials = Credentials(file=name, environment=environment)
    # The digest is of the settings as written, so that it is the same on every register.
    return LoadedConfig(_with_absolute_paths(config, folder), path, _digest(config), credentials)


def read_service_environment(
    environment: Mapping[str, str] = os.environ, process_id: int | None = None
) -> ServiceEnvironment:
    """Return what the service manager wants; unusable values count as absent."""
    socket = environment.get("NOTIFY_SOCKET", "")
    usable = socket[:1] in {"/", "@"} and len(socket) > 1
    meant = environment.get("WATCHDOG_PID", "")
    ours = meant in {"", str(os.getpid() if process_id is None else process_id)}
    period = environment.get("WATCHDOG_USEC", "")
    period_us = int(period) if period.isascii() and period.isdigit() and len(period) < 19 else 0
    return ServiceEnvironment(
        notify_socket=socket if usable else None,
        watchdog_s=period_us / 1e6 if ours and period_us > 0 else None,
    )


def _read(path: Path, name: str) -> dict[str, Any]:
    if path.exists() and not path.is_file():
        raise ConfigError(f"{name}: expected a file with settings")
    try:
        with path.open("rb") as file:
            content = file.read(strict_yaml.MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}: give another file with --config") from error
    try:
        return strict_yaml.parse(content)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def _validated(data: dict[str, Any], name: str) -> Config:
    # As JSON, because pydantic's strict mode then takes a list for a tuple and text for a path,
    # but neither true for 1 nor "15" for 15.
    try:
        return Config.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        lines = faults.explain(error, Config)
        # From None: the cause would print the values that were left out on purpose.
        raise ConfigError("\n".join(f"{name}: {line}" for line in lines)) from None


def _refuse_bad_logins(config: Config, name: str) -> None:
    accounts: dict[str, Account] = {"mqtt": config.mqtt, "display": config.display}
    faults_of = [(where, account_fault(account)) for where, account in accounts.items()]
    faults_of.append(("mqtt", host_fault(config.mqtt.host)))
    found = [f"{where}.{fault}" for where, fault in faults_of if fault]
    for index, camera in enumerate(config.cameras):
        both = (source_fault(camera.source, camera), account_fault(camera))
        found += [f"cameras[{index}].{fault}" for fault in both if fault]
    if found:
        raise ConfigError("\n".join(f"{name}: {fault}" for fault in found))


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    """Let relative paths begin at the file's folder, wherever the agent is started."""
    cameras = tuple(
        camera.model_copy(update={"source": _absolute_source(camera.source, folder)})
        for camera in config.cameras
    )
    return _absolute(config.model_copy(update={"cameras": cameras}), folder)


def _absolute_source(source: str, folder: Path) -> str:
    if source.isdigit() or is_address(source):
        return source
    return str(folder / source)


def _absolute(section: _SectionType, folder: Path) -> _SectionType:
    return section.model_copy(update=dict(_absolute_values(section, folder)))


def _absolute_values(section: Section, folder: Path) -> Iterator[tuple[str, object]]:
    for key, value in section:
        if isinstance(value, Path):
            yield key, folder / value
        elif isinstance(value, Section):
            yield key, _absolute(value, folder)
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            yield key, tuple(_absolute(item, folder) for item in value)


def _digest(config: Config) -> str:
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
