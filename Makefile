.DEFAULT_GOAL := help
.PHONY: help run up down test test-peers check lint types prove record bench wheel clean
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
REFERENCE ?= $(firstword $(patsubst %/,%,$(dir $(wildcard ../*/graph/metadata.csdl.xml))))

help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: $(VENV)/installed  ## Set up, start the sandbox, connect two tenants, and take a tour
	@$(BIN)/python -m connector tour

up: $(VENV)/installed  ## The same, and leave the sandbox running until Ctrl-C
	@$(BIN)/python -m connector tour --stay

test: $(VENV)/installed  ## All tests
	$(BIN)/python -m pytest -n auto

test-peers: $(VENV)/peers  ## Microsoft's and others' clients against the sandbox (large packages)
	$(VENV)-peers/bin/python -m pytest tests/peers

$(VENV)/peers: pyproject.toml
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,peers]'
	@mkdir -p $(VENV) && touch $@

check: lint types prove test  ## Everything that a commit must pass

lint: $(VENV)/installed  ## Style, and the declarative files among themselves
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m connector lint

types: $(VENV)/installed  ## Static types
	$(BIN)/mypy

prove: $(VENV)/installed  ## The declarative files against a folder with Microsoft's reference data
	@if [ -d "$(REFERENCE)" ]; then $(BIN)/python -m connector prove --metadata $(REFERENCE)/metadata.csdl.xml \
	  --permissions $(REFERENCE)/permissions.json --scopes $(REFERENCE)/scopes.json --examples $(REFERENCE)/examples; \
	else echo "prove: skipped, there is no folder with Microsoft's reference data; name one by REFERENCE="; fi

record: $(VENV)/installed  ## Record all cassettes again, from the sandbox
	$(BIN)/python -m tests.record

bench: $(VENV)/installed  ## What a call costs, against bare requests
	$(BIN)/python bench/bench.py

wheel: $(VENV)/installed  ## Build the package
	$(BIN)/python -m build --outdir dist

clean:  ## Remove what was made
	rm -rf $(VENV) $(VENV)-peers build dist .pytest_cache .mypy_cache .ruff_cache
