"""Reading a settings file from outside: what is taken and what each refusal says."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.load import LoadedConfig, load_config, read_service_environment
from agent.errors import ConfigError


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "config.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refusal(file: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(file, environment or {})
    assert caught.value.exit_code == 78
    assert caught.value.__cause__ is None or "pydantic" not in repr(caught.value.__cause__)
    return str(caught.value).replace(str(file), "config.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "challenge: {categories: {alcohol: {challenge_age_years: 12}}}",
            "config.yaml: challenge.categories.alcohol.challenge_age_years: got 12: "
            "must be at least legal_age_years (18)",
        ),
        ("mqtt: {port: 0}", "config.yaml: mqtt.port: got 0: must be greater than or equal to 1"),
        ("mqtt: {port: true}", "config.yaml: mqtt.port: got true: must be a valid integer"),
        ("mqtt: {port: '1883'}", 'config.yaml: mqtt.port: got "1883": must be a valid integer'),
        ("mqtt: {hots: x}", "config.yaml: mqtt.hots: unknown key; did you mean host?"),
        (
            "mqtt: {protocol: 5}",
            "config.yaml: mqtt.protocol: got 5: must be '5' or '3.1.1': put it in quotes",
        ),
        (
            "cameras: [{source: 0}]",
            "config.yaml: cameras[0].source: got 0: must be a valid string: put it in quotes",
        ),
        (
            "cameras: [{}, {pasword_file: x}]",
            "config.yaml: cameras[1].pasword_file: unknown key; did you mean password_file?",
        ),
        (
            "mqtt:",
            "config.yaml: mqtt: got null: must be keys with values; leave it out for the defaults",
        ),
        ("cameras: [{}, {}]", "config.yaml: cameras: got ids ['till', 'till']: must be distinct"),
        (
            "capture: {kill_after_s: 1.0}",
            "config.yaml: capture.kill_after_s: got 1.0: must be at least stall_after_s (3.0)",
        ),
        (
            "register_id: Till 1",
            'config.yaml: register_id: got "Till 1": must be lower case letters, digits, - and _, '
            "beginning with a letter or digit, at most 63 characters",
        ),
        ("a: 1\na: 2", "config.yaml: line 2, column 1: key 'a' is given twice"),
        ("", "config.yaml: is empty: expected settings; write {} to run with the defaults"),
        ("- 1", "config.yaml: expected keys with values, got list"),
    ],
)
def test_a_refusal_names_file_key_value_and_reason(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(write(tmp_path, text)) == line


def test_every_fault_has_its_own_line(tmp_path: Path) -> None:
    lines = refusal(write(tmp_path, "mqtt: {port: 0, keepalive_s: 1}\nstore_id: ''")).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["store_id", "mqtt.port", "mqtt.keepalive_s"]


def test_an_unknown_key_far_from_all_others_lists_the_known_ones(tmp_path: Path) -> None:
    line = refusal(write(tmp_path, "age_groups: {zzz: 1}"))
    assert line.endswith("unknown key; known here: lower_bounds_years")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml").endswith(
        "No such file or directory: give another file with --config"
    )


def test_a_folder_and_a_pipe_are_no_settings_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        assert "expected a file with settings" in refusal(path)


def test_relative_paths_begin_at_the_folder_of_the_file(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "outbox: {path: data/box.sqlite3}\n"
        "mqtt: {tls: {ca_file: ca.pem}}\n"
        "estimate: {models_folder: /srv/models}\n"
        "cameras: [{source: clips/a.mp4}, {id: b, source: '0'}, {id: c, source: 'http://h/x'}]\n",
    )
    config = load_config(file).config
    assert config.outbox.path == tmp_path / "data/box.sqlite3"
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca_file == tmp_path / "ca.pem"
    assert config.estimate.models_folder == Path("/srv/models")
    assert [camera.source for camera in config.cameras] == [
        str(tmp_path / "clips/a.mp4"),
        "0",
        "http://h/x",
    ]


def test_no_file_gives_the_built_in_defaults() -> None:
    loaded = load_config(None, {})
    assert loaded.path is None
    assert loaded.config.store_id == "demo-store"
    assert loaded.config.outbox.path.is_absolute()
    assert loaded.mqtt_password() is None


def test_the_digest_follows_the_settings_and_not_the_comments(tmp_path: Path) -> None:
    plain = load_config(write(tmp_path, "store_id: a")).digest
    other = tmp_path / "other"
    other.mkdir()
    assert load_config(write(other, "# hello\nstore_id: a\n")).digest == plain
    assert load_config(write(other, "store_id: b")).digest != plain


def test_the_broker_password_comes_from_the_environment(tmp_path: Path) -> None:
    file = write(tmp_path, "mqtt: {username: till, password_env: MQTT_PASSWORD}")
    assert load_config(file, {"MQTT_PASSWORD": "s3cret"}).mqtt_password() == "s3cret"
    with pytest.raises(ConfigError, match="environment variable MQTT_PASSWORD is not"):
        load_config(file, {}).mqtt_password()


def test_a_camera_address_gets_its_login_escaped(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "cameras: [{source: 'rtsp://cam:554/live', username: admin, password_env: CAM}]",
    )
    loaded = load_config(file, {"CAM": "p@ss/w:rd"})
    address = loaded.camera_address(loaded.config.cameras[0])
    assert address == "rtsp://admin:p%40ss%2Fw%3Ard@cam:554/live"


def test_a_device_is_opened_as_it_is_written(tmp_path: Path) -> None:
    loaded = load_config(write(tmp_path, "cameras: [{source: /dev/video2}]"))
    assert loaded.camera_address(loaded.config.cameras[0]) == "/dev/video2"


@pytest.mark.parametrize(
    "text",
    [
        "cameras: [{source: 'rtsp://admin:hunter2@cam/live'}]",
        "cameras: [{source: 'rtsp://admin:hun/ter2@cam/live'}]",
        "cameras: [{source: 'http://cam/x?user=a&pwd=hunter2'}]",
        "cameras: [{id: Bad, source: 'rtsp://admin:hunter2@cam', width_px: x}]",
        "mqtt: {username: u, password_env: hunter2}",
        "mqtt: {password: hunter2}",
        "mqtt: {password_env: [hunter2]}",
        "mqtt: {host: ['rtsp://admin:hunter2@cam']}",
        "mqtt: {port: 'rtsp://admin:hun ter2@cam'}",
    ],
)
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    assert "ter2" not in refusal(write(tmp_path, text))


def test_a_loaded_config_does_not_print_the_environment(tmp_path: Path) -> None:
    loaded = load_config(write(tmp_path, "{}"), {"MQTT_PASSWORD": "hunter2"})
    assert "hunter2" not in repr(loaded)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(alphabet="{}[]:,&*!|>-?'\"# \n\tab01._<=%@\\\ud7ff", max_size=120).map(
            lambda text: text.encode("utf-8", "replace")
        ),
        st.dictionaries(
            st.sampled_from(["mqtt", "cameras", "challenge", "store_id", "nonsense"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=9), inner, max_size=3)
                ),
                max_leaves=8,
            ),
        ).map(lambda value: repr(value).encode("utf-8", "replace")),
    )
)
def test_any_bytes_give_settings_or_a_refusal(tmp_path: Path, content: bytes) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(load_config(write(tmp_path, content), {}), LoadedConfig)


@pytest.mark.parametrize(
    ("environment", "socket", "watchdog_s"),
    [
        ({}, None, None),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, "/run/x", 30.0),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "7"}, "@x", 1e-6),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "8"}, None, None),
        ({"NOTIFY_SOCKET": "vsock:2:1234", "WATCHDOG_USEC": "-3"}, None, None),
        ({"NOTIFY_SOCKET": "@", "WATCHDOG_USEC": "²"}, None, None),
    ],
)
def test_the_service_managers_variables_are_read(
    environment: dict[str, str], socket: str | None, watchdog_s: float | None
) -> None:
    found = read_service_environment(environment, process_id=7)
    assert (found.notify_socket, found.watchdog_s) == (socket, watchdog_s)
