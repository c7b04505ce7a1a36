# Each target does all of its own set-up. See README.md.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.overt-setup
SLOW   := slow or not slow
ARGS   ?=
# Tests run in two processes, a file of them in one; WORKERS=0 runs them in this one, for a debugger.
WORKERS ?= 2
TESTS  := -m pytest --numprocesses $(WORKERS) --dist loadfile
CODE   := src tests $(wildcard benchmarks)
# Not compiled when installed: what is used is compiled when first used, which is far less.
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.PHONY: setup demo test test-all lint bench docs lock clean
.DEFAULT_GOAL := help

help: ## say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements/dev.lock pyproject.toml models/*.toml
	@$(PYTHON) -c 'import sys; sys.exit("Overt needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up in $(VENV): about a minute, 1 GB" >&2
	@$(PIP) --require-hashes -r requirements/dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/overt models prepare
	@touch $@

setup: $(STAMP) ## virtual environment, locked dependencies, prepared models

demo: $(STAMP) ## the whole story on a sample clip; ARGS=--exit ends after it
	@$(BIN)/overt demo $(ARGS)

test: $(STAMP) ## the fast tests
	@$(BIN)/python $(TESTS) $(ARGS)

test-all: $(STAMP) ## every test, the long ones too; SLOW=slow for those alone
	@$(BIN)/python $(TESTS) -m "$(SLOW)" $(ARGS)

lint: $(STAMP) ## formatting, lint, types, import contract
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(STAMP) ## speed, beside the plain OpenCV loop in the same run
	@$(BIN)/overt bench pipeline $(ARGS)

docs: $(STAMP) ## rewrite the parts of the documentation that come from the code
	@$(BIN)/python -m pytest -q tests/architecture --update-docs

lock: ## resolve the dependencies anew, with hashes and without addresses
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra demo --group dev \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements/dev.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
