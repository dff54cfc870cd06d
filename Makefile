# `make demo` and `make test` set themselves up; they need Python 3.11 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Without bytecode each process that a test starts would compile the frameworks again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-bulk test-all test-lowest test-newest coverage fuzz lint types arguments outputs notebooks docs docs-check format hooks bench figures clean

demo: $(READY)
	@$(BIN)/python -m examples.demo

# A process for each core. The tests of a file stay in one, which makes once what they share; to hand out thousands of
# tests one by one costs as much as a quarter of them.
PYTEST := -m pytest -q --numprocesses auto --dist loadfile

test: $(READY)
	$(BIN)/python $(PYTEST)

# Large jobs that are killed in the middle, on one machine and over Ray; needs redis-server, and installs Ray.
test-bulk: $(READY)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --editable '.[all,ray]'
	$(BIN)/python -m pytest -q -m 'ray or kill' --timeout 300 tests/bulk

# The tests with branches counted, and a failure where fewer are run than pyproject.toml demands.
coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# The tests on every Python: the newest versions on each, the lowest on the oldest. One of them: `.venv/bin/nox -s newest-3.12`.
test-all: $(READY)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --group sessions
	$(BIN)/nox --error-on-missing-interpreters

# The tests with the lowest versions of the direct dependencies that pyproject.toml allows; recipes are for the newest.
test-lowest:
	$(MAKE) VENV=.venv-lowest RESOLUTION=lowest-direct GROUPS='--group test --group lint' \
		PYTEST='$(PYTEST) --ignore tests/docs/test_recipes.py' test

# The tests with the newest versions that exist, past our upper bounds; says whether we broke or a framework did.
test-newest:
	PYTHON=$(PYTHON) .ci/newest

SECONDS ?= 3600
STREAMS ?= 0
PROCESSES ?= 2
SEED ?= 1

# Damaged responses for an hour, or until STREAMS of them; `.venv/bin/python -m fuzz --seed N --case K` repeats one.
fuzz: $(READY)
	PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS) --streams $(STREAMS) \
		--processes $(PROCESSES) --seed $(SEED)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

# The code, and the Python blocks of the pages as `build/pages`.
types: $(READY)
	PYTHONPATH=tests $(BIN)/python -m support.pages
	$(BIN)/mypy
	$(BIN)/mypy build/pages
	$(BIN)/pyright --pythonpath $(BIN)/python

# What type checkers and editors know of the arguments of our constructors: written from the fields.
arguments: $(READY)
	PYTHONPATH=tests $(BIN)/python -m support.typed_arguments

# What the blocks of the pages print, into the pages.
outputs: $(READY)
	WRITE_OUTPUTS=1 $(BIN)/python -m pytest -q tests/docs -k "runs or output"
	PYTHONPATH=tests $(BIN)/python -m support.spend_picture

# The guides as notebooks, into docs/notebooks.
notebooks: $(READY)
	PYTHONPATH=tests $(BIN)/python -m support.notebooks

# The documentation site, into build/site; a page, link or anchor that is missing fails.
docs: $(READY)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --group docs
	PYTHONPATH=. NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Each page of it in Chromium, as wide as a desktop and as a phone; CHROMIUM says where that is.
docs-check: docs
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --group docs-check
	PYTHONPATH=. $(BIN)/python -m website.check

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# From then on git looks at each commit as .pre-commit-config.yaml says.
hooks: $(READY)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --group hooks
	$(BIN)/pre-commit install

# All figures of benchmarks/README.md, which takes more than an hour. The peers are installed in a place of their own, beside which other
# tests would not run.
bench:
	$(MAKE) VENV=.venv-bench GROUPS='--group test --group bench' .venv-bench/.ready
	set -e; for script in stream growth imports concurrency latency embed bulk pace; do \
		.venv-bench/bin/python benchmarks/$$script.py --write; done
	$(MAKE) figures

RESOLUTION ?= highest
GROUPS := --group test --group recipes --group lint

$(READY): pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --upgrade --resolution $(RESOLUTION) \
		--editable '.[all]' $(GROUPS)
	@touch $(READY)

# The tables and the pictures of what benchmarks/figures has.
figures: $(READY)
	$(BIN)/python benchmarks/draw.py

clean:
	rm -rf .venv .venv-bench .venv-lowest .venv-newest .nox .mypy_cache .pytest_cache .ruff_cache .hypothesis
