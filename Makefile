# make demo      sets everything up and runs the main job once, quickly
# make test      sets everything up and runs the checks and all tests that are not marked slow
# make test-all  does the same with every test
# make clean     removes what these leave behind, except .venv

PYTHON ?= python3
BIN = .venv/bin
# Two processes share the files of tests; a file's tests stay together, and so do their fixtures.
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-all lint clean

demo: .venv/installed
	$(BIN)/python MNIST demo

test: .venv/installed-dev lint
	$(PYTEST) -m "not slow"

test-all: .venv/installed-dev lint
	$(PYTEST)

lint: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; say which: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-dev: pyproject.toml .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf Demo build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
