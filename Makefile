PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint slow perf clean

run: .venv/installed
	$(BIN)/ebmbench run suites/toy2d.yaml

test: .venv/installed
	$(BIN)/pytest -n 2 --dist loadscope

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

slow: .venv/installed
	$(BIN)/pytest -m slow --timeout 3600

perf: .venv/installed
	$(BIN)/pytest tests/perf --benchmark-only -m "slow or not slow"

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
