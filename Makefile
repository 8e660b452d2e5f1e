# The commands of this checkout. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: help serve build test installed check checklist drill soak bench bench-full growth fuzz profile docs clean
help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

$(VENV)/serve.stamp: requirements/build.txt requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Hubbub needs Python 3.11 or newer; try: make serve PYTHON=python3.12"; exit 1; }
	@echo "Making Hubbub's own Python environment in $(VENV) (about half a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/serve.stamp requirements/test.txt
	@$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/fuzz.stamp: $(VENV)/test.stamp requirements/fuzz.txt
	@$(PIP) install --require-hashes -r requirements/fuzz.txt
	@touch $@

serve: $(VENV)/serve.stamp ## start Hubbub on http://127.0.0.1:3001
	@$(BIN)/hubbub serve

build: $(VENV)/serve.stamp ## wheel and sdist, in dist/: for pip install
	@$(BIN)/python -m hatchling build -d dist

installed: $(VENV)/test.stamp ## that wheel in an empty environment: how large it all is, and how long a start takes
	@$(BIN)/python -m tests.installed

check: $(VENV)/test.stamp ## lint, types, import law
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check ## lint, types, import law and every test (installs PostgreSQL 15, nginx, PgBouncer, Prometheus, Chromium and Node where it may)
	@tests/install
	@$(BIN)/python -m tests.everything

checklist: $(VENV)/test.stamp ## the seed document's verification checklist, from nothing, through kill -9
	@$(BIN)/python -m tests.checklist

drill: $(VENV)/test.stamp ## lose a disk with a million messages, restore, verify, move to PostgreSQL 15: every step timed (ARGS="--messages 1e5")
	@tests/install
	@$(BIN)/python -m tests.drill $(ARGS)

soak: $(VENV)/test.stamp ## every fault campaign at its nightly count, hours in all, kept in tests/fault/results.jsonl (ARGS="--only C1,C5")
	@$(BIN)/python -m tests.fault --nightly --json tests/fault/results.jsonl $(ARGS)
	@$(BIN)/python -m tests.fault --table tests/fault/results.jsonl

docs: $(VENV)/test.stamp ## write docs/reference from the code, and build the manual as a site, in build/docs
	@$(BIN)/python docs/generate.py
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -c docs . build/docs
	@echo "The manual: build/docs/index.html"

bench: $(VENV)/test.stamp ## Hubbub beside Node socket.io and others, measured (ARGS="--rounds 5")
	@$(BIN)/python -m bench $(ARGS)

bench-full: $(VENV)/test.stamp ## the same, longer, with larger rooms and 5,000 connections
	@$(BIN)/python -m bench --full $(ARGS)

growth: $(VENV)/test.stamp ## cost stays flat up to ten million messages (ten to twenty minutes, 10 GB of disk below /tmp)
	@HUBBUB_GROWTH=1e7 $(BIN)/python -m pytest tests/integration/schema/test_growth.py

fuzz: $(VENV)/fuzz.stamp ## coverage-guided fuzzing of hubbub.wire, a minute for each target (Linux on x86-64; ARGS="--seconds 600")
	@$(BIN)/python -m tests.fuzz $(ARGS)

profile: $(VENV)/test.stamp ## flame graphs of the server under the bench's loads, in tmp/profile (ARGS="--case delivery-8")
	@$(BIN)/python -m bench.profile $(ARGS)

clean: ## remove everything that make made, data excepted
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache node_modules dist build
