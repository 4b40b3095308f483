# Every target does its own set-up in .venv, from Python 3.11 or newer and a network; nothing is installed globally.
# The second call of a target finds the set-up done.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types lowest short-demo slow bench fit predictions verify docs lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.run  ## simulate Lin 2017 beside the published trial; ends by naming the report
	$(BIN)/hepatrial run lin2017 --replicates 200 --pairs 5000

test: $(VENV)/.dev  ## the fast tests
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --junitxml=build/tests-fast.xml $(PYTEST_ARGS)

check: lint types short-demo slow docs lowest  ## lint, types, short demo, slow tests, docs, lowest versions

lint: $(VENV)/.dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict for src
	$(BIN)/mypy

short-demo: $(VENV)/.dev  ## the demo with few replicates
	rm -rf build/short-demo
	$(BIN)/hepatrial run lin2017 --replicates 4 --pairs 200 --out build/short-demo

slow: $(VENV)/.dev  ## the slower tests
	$(BIN)/python -m pytest -m slow -n $(WORKERS) --junitxml=build/tests-slow.xml $(PYTEST_ARGS)

lowest: $(VENV)/.lowest  ## fast tests on the lowest versions that pyproject.toml allows
	$(VENV)/lowest/bin/python -m pytest -m "not slow" -n $(WORKERS) -p no:cacheprovider $(addprefix tests/,test_rng.py protocol engine trial report cli)

bench: $(VENV)/.bench  ## measure speed beside rivals; writes docs/benchmarks.md
	$(VENV)/bench/bin/python benchmarks/bench.py

fit: $(VENV)/.dev  ## fit the model anew and install the posterior (70 minutes with AVX-512, two hours without; goes on where it was stopped)
	$(BIN)/hepatrial fit --install

predictions: $(VENV)/.dev  ## make the stored predictions anew from the shipped posterior
	$(BIN)/hepatrial validate model --recompute

verify: $(VENV)/.dev  ## the checks that take hours
	$(BIN)/python -m pytest verification $(PYTEST_ARGS)

docs: $(VENV)/.docs  ## build the documentation into site/
	$(VENV)/docs/bin/python -m sphinx -W --keep-going -q -b html docs site
	@echo "site/index.html"

lock: $(VENV)/.dev  ## resolve the versions anew into requirements/
	UV=$(BIN)/uv sh requirements/lock.sh

clean:  ## remove what the other targets made, but not the runs
	rm -rf $(VENV) build dist site jupyter_execute .pytest_cache .mypy_cache .ruff_cache .hypothesis

# $(1): folder of the environment, $(2): lock file
define set_up
	@echo "Setting up $(1) from requirements/$(2) (once; a few minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "hepatrial needs Python 3.11 or newer as '$(PYTHON)'. Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(1)/bin/pip || $(PYTHON) -m venv $(1) || { \
	  echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$(2)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

$(VENV)/.run: requirements/run.txt pyproject.toml
	$(call set_up,$(VENV),run.txt)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	$(call set_up,$(VENV),dev.txt)
	@touch $@ $(VENV)/.run

$(VENV)/.docs: requirements/docs.txt pyproject.toml
	$(call set_up,$(VENV)/docs,docs.txt)
	@touch $@

$(VENV)/.bench: requirements/bench.txt requirements/numbalsoda.txt pyproject.toml
	$(call set_up,$(VENV)/bench,bench.txt)
	@$(VENV)/bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/numbalsoda.txt >$(VENV)/numbalsoda.log 2>&1 || \
	  echo "numbalsoda is left out of the comparison: it could not be built (it needs CMake and C++ and Fortran compilers; see $(VENV)/numbalsoda.log)."
	@touch $@

$(VENV)/.lowest: requirements/lowest.txt pyproject.toml
	$(call set_up,$(VENV)/lowest,lowest.txt)
	@touch $@
