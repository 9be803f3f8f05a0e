# make demo      sets everything up and runs the main job once, quickly
# make test      sets everything up and runs the checks and all tests that are not marked slow
# make test-all  does the same with every test
# make kernels   compiles the hot loops of the engine in the browser (Debian 12: apt install clang lld)
# make clean     removes what these leave behind, except .venv

PYTHON ?= python3
BIN = .venv/bin
# Two processes share the files of tests; a file's tests stay together, and so do their fixtures.
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-all lint clean kernels

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
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# Most of the files are never imported. Python compiles the others when they first are, if it may write them.
unexport PYTHONDONTWRITEBYTECODE
.venv/installed: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	@touch $@

.venv/installed-dev: pyproject.toml .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e '.[dev]'
	@touch $@

# clang 14 and lld 14 give the bytes that are in the repository. No call of a library is left, and nothing is
# contracted or reordered: both files compute the same bits.
ENGINE = MNIST/browser/engine
KERNELS = clang --target=wasm32 -O3 -std=c11 -Wall -Wextra -Werror -nostdlib -ffreestanding -fno-builtin \
  -ffp-contract=off -mbulk-memory -mnontrapping-fptoint -Wl,--no-entry -Wl,--export=__heap_base \
  -Wl,-z,stack-size=16384 -Wl,--strip-all

kernels:
	$(KERNELS) -msimd128 -o $(ENGINE)/kernels.wasm $(ENGINE)/kernels.c
	$(KERNELS) -o $(ENGINE)/kernels_plain.wasm $(ENGINE)/kernels.c
	chmod 644 $(ENGINE)/*.wasm

clean:
	rm -rf Demo build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find MNIST tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
