# Two commands: `make demo` and `make test`. Both set up what they need and say what they do.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
VENDOR := monitor/web/static/vendor
FONTS := data/fonts/fetched
PEERS := $(VENV)/peers

.PHONY: help setup setup-dev fonts peers demo test lint bench reference dashboards fuzz lock wheel bundle clean

help:
	@echo "make demo    a simulated county with the daemon on it (ARGS=\"--cameras 4000 --lang en --once\")"
	@echo "make test    everything CI runs: ruff, mypy, import-linter, pytest, the demo's scorecard"
	@echo "make setup   the environment alone, in $(VENV)"
	@echo "make fonts   free fonts for the papers, in $(FONTS); the office's own go into data/fonts and win"
	@echo "make peers   RTSP servers and cameras that are none of ours, for the tests, in $(PEERS)"
	@echo "make bench   the benchmarks behind the figures in README.md and ARCHITECTURE.md"
	@echo "make dashboards  write the dashboards for Grafana from deploy/grafana"
	@echo "make fuzz    mutated messages against everything that reads what cameras say (ARGS=\"--seconds 600\")"
	@echo "make soak    kills, locks, full disks, clock steps and mass outages against the real daemon (ARGS=\"kills --kills 60\")"
	@echo "make reference  write the manual's pages of settings and metrics from the code"
	@echo "make wheel   the wheel, in dist; make bundle: everything for a server without a network (ARCH=arm64)"
	@echo "make lock    resolve the dependencies again and write both lock files"

setup: $(VENV)/.ready-run $(VENDOR)/htmx.min.js

setup-dev: $(VENV)/.ready-dev $(VENDOR)/htmx.min.js

$(VENV)/pyvenv.cfg:
	@echo "==> making a Python environment in $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-run: requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@deploy/setup/timed "installing the locked packages" $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@deploy/setup/timed "installing xunjian itself" $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock $(VENV)/.ready-run
	@deploy/setup/timed "installing the locked packages for development" $(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(VENDOR)/htmx.min.js: deploy/npm/package-lock.json deploy/npm/vendor.sha256
	@deploy/setup/timed "fetching the page's two script files by npm" deploy/setup/vendor $(VENDOR)
	@touch $@

fonts: $(FONTS)/.ready

$(FONTS)/.ready: deploy/setup/fonts deploy/setup/fonts.txt | $(VENV)/pyvenv.cfg
	@deploy/setup/timed "fetching free fonts for the papers by apt, npm and pip" deploy/setup/fonts $(FONTS) $(abspath $(BIN))/python

peers: $(PEERS)/.ready

$(PEERS)/.ready: deploy/setup/peers deploy/setup/peers.txt deploy/npm/peers/package-lock.json | $(VENV)/pyvenv.cfg
	@deploy/setup/timed "fetching programs that play a camera in the tests by npm and pip" deploy/setup/peers $(PEERS) $(abspath $(BIN))/python

demo: setup fonts
	@$(BIN)/xunjian demo $(ARGS)

test: setup-dev fonts peers
	@deploy/setup/system-packages
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n 2 --no-loadscope-reorder $(ARGS)
	$(BIN)/xunjian demo --once --json > $(VENV)/scorecard.json || { cat $(VENV)/scorecard.json; exit 1; }
	@cat $(VENV)/scorecard.json

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup-dev
	@$(BIN)/python -m tests.bench $(ARGS)

reference: setup-dev
	@$(BIN)/python -m tests.monitor.web.reference

dashboards: setup-dev
	@$(BIN)/python -m deploy.grafana.generate

fuzz: setup-dev
	@$(BIN)/python -m tests.fuzz $(ARGS)

soak: setup-dev
	@$(BIN)/python -m tests.soak $(ARGS)

lock: setup-dev
	$(BIN)/uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o requirements-dev.lock

wheel: setup-dev
	@deploy/bundle/wheel $(abspath $(BIN))/python

bundle: wheel
	@PYTHON=$(abspath $(BIN))/python deploy/setup/timed "making the offline bundle" deploy/bundle/make $(ARCH)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis $(VENDOR)
