import sys
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.processes.child_process import ChildProcess, LineBuffer
from agent.processes.private_folder import PrivateFolder

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def child(code: str, settings: bytes = b"{}") -> ChildProcess:
    return ChildProcess([sys.executable, "-c", code], settings, ENVIRONMENT)


def wait_for_end(process: ChildProcess) -> tuple[list[bytes], list[str]]:
    until_s = time.monotonic() + 10
    while not process.has_ended() and time.monotonic() < until_s:
        time.sleep(0.01)
    read = process.read(to_end=True)
    assert process.reap(1.0)
    return read


@given(st.lists(st.binary(max_size=12)), st.integers(1, 7))
def test_lines_are_cut_the_same_however_the_bytes_arrive(
    lines: list[bytes], piece_bytes: int
) -> None:
    data = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    at_once, piecewise = LineBuffer(8), LineBuffer(8)
    whole = at_once.feed(data)
    pieces = [data[n : n + piece_bytes] for n in range(0, len(data), piece_bytes)]
    assert [line for piece in pieces for line in piecewise.feed(piece)] == whole
    assert piecewise.too_long == at_once.too_long
    assert all(0 < len(line) <= 8 for line in whole)


def test_a_line_without_end_is_dropped_counted_and_takes_no_memory() -> None:
    buffer = LineBuffer(10)
    for _ in range(1000):
        assert buffer.feed(b"x" * 100) == []
    assert buffer.feed(b"rest\ngood\n") == [b"good"]
    assert buffer.too_long == 1


def test_a_child_gets_its_settings_and_its_lines_and_noise_are_read() -> None:
    process = child(
        "import sys; print('got', sys.stdin.readline(), end=''); print('oh', file=sys.stderr)",
        settings=b'{"a": 1}',
    )
    lines, noise = wait_for_end(process)
    assert lines == [b'got {"a": 1}']
    assert noise == ["oh"]
    assert list(process.last_words) == ["oh"]
    assert process.end == "ended with exit code 0"


def test_settings_larger_than_a_pipe_do_not_block_the_agent() -> None:
    settings = b"x" * 400_000
    process = child("import sys; print(len(sys.stdin.readline()))", settings)
    assert wait_for_end(process)[0] == [b"400001"]


def test_a_killed_child_is_told_by_its_signal_and_leaves_no_zombie() -> None:
    process = child("import time; time.sleep(60)")
    process.kill()
    wait_for_end(process)
    assert process.end == "was killed by SIGKILL, by hand or because memory ran out"
    assert not Path(f"/proc/{process.process_id}").exists()


def test_everything_a_dead_child_wrote_is_read_though_a_grandchild_holds_the_pipe() -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '3']);"
        "sys.stdout.write('x\\n' * 30000)"
    )
    lines, _ = wait_for_end_of_writer(child(code))
    assert len(lines) == 30_000


def wait_for_end_of_writer(process: ChildProcess) -> tuple[list[bytes], list[str]]:
    """Read while it runs, or it hangs in its write."""
    read: list[bytes] = []
    while not process.has_ended():
        read += process.read()[0]
    lines, noise = process.read(to_end=True)
    process.reap(1.0)
    return read + lines, noise


def test_the_private_folder_is_private_and_goes_away(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "frames").touch()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_dead_agents_folder_is_swept_and_a_living_ones_is_not(tmp_path: Path) -> None:
    living = PrivateFolder(tmp_path)
    dead = tmp_path / "checkout-agent-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (tmp_path / "checkout-agent-link").symlink_to(tmp_path)
    another = PrivateFolder(tmp_path)
    assert not dead.exists()
    assert living.path.exists()
    assert (tmp_path / "checkout-agent-link").is_symlink()
    living.remove()
    another.remove()
