#!/usr/bin/env bash
# Writes requirements.lock: what the agent runs on, to the byte, for Debian's x86_64 and Python 3.11
# to 3.13. Run it after a change to RUN in setup.py: make lock
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Only what a register can be; without it wheels of every system would be resolved.
readonly WHERE="implementation_name == 'cpython' and platform_machine == 'x86_64' and sys_platform == 'linux'"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 - setup.py >"$folder/run.in" <<'PYTHON'
import ast, pathlib, sys
for node in ast.parse(pathlib.Path(sys.argv[1]).read_text()).body:
    if isinstance(node, ast.Assign) and node.targets[0].id == "RUN":
        print("\n".join(ast.literal_eval(node.value)))
PYTHON
cat >"$folder/pyproject.toml" <<TOML
[project]
name = "lock"
version = "0"
requires-python = ">=3.11,<3.14"
[tool.uv]
environments = ["$WHERE"]
TOML
# CPU only: no GPU package is named in setup.py, and none is let in by an extra.
(cd "$folder" && "${UV:-uv}" pip compile run.in --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file lock >/dev/null)
{
  echo "# Written by deploy/lock.sh from setup.py; not by hand. CPython 3.11 to 3.13, Linux, x86_64."
  echo "# pip install --require-hashes --requirement requirements.lock"
  sed -e "s/ ; $WHERE//" -e "s/ and $WHERE//" "$folder/lock"
} >requirements.lock
