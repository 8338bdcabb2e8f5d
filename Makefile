# make demo · make test · make bench: each sets itself up. PYTHON names the Python to start from (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test bench lint setup lock

demo: setup
	$(BIN)/sen demo

test: setup
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: setup
	$(BIN)/python -m tests.benchmarks.term

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint dbt_project/models
	$(BIN)/sqlfluff lint --templater raw --rules layout,capitalisation pipelines/checking/context

setup: .venv/installed

# uv takes seconds for what pip takes minutes; it is itself a package
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header --no-emit-index-url --no-strip-extras --output-file requirements.lock
