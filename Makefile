# `make run` and `make test` need only Python >= 3.11 with venv, and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := 0.13.9

.PHONY: run test lint lock clean variants bench
.DEFAULT_GOAL := run

run: $(VENV)/.run
	$(BIN)/calling-agent serve

# Many tests wait for processes of their own, the longest of them in small files, which would come last.
test: $(VENV)/.dev
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

# flake8-async takes a second a file, and has nothing to say about those without any of this.
ASYNC := 'async (def|with|for)|BaseException|Cancelled'
lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	grep -rlE --include='*.py' $(ASYNC) agent nurseries ops tests | xargs $(BIN)/flake8
	$(BIN)/mypy
	$(BIN)/lint-imports

# Whether the suite catches what it is there to catch: docs/proofs.md.
variants: $(VENV)/.dev
	$(BIN)/python ops/proofs/variants.py --jobs 2

# How many calls a core carries, and all else that docs/speed.md tells, on a machine that does nothing else.
bench: $(VENV)/.dev
	$(BIN)/python -m ops.bench.suite

# A lock for each way to install: production (with traces, too), laptop, development. None names a host.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --no-annotate --emit-build-options pyproject.toml
lock: $(VENV)/.uv
	$(LOCK) --extra dev -o requirements-dev.lock
	$(LOCK) --extra local --group build -c requirements-dev.lock -o requirements-local.lock
	$(LOCK) --group build -c requirements-dev.lock -o requirements.lock
	$(LOCK) --extra traces --group build -c requirements-dev.lock -o requirements-traces.lock

clean:
	rm -rf $(VENV) dist

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "calling-agent needs Python 3.11 or newer; '$(PYTHON)' is missing or older: $$($(PYTHON) --version 2>&1)."; \
	  echo "Install one, or name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	  echo "'$(PYTHON)' cannot make a virtual environment: its venv module is missing."; \
	  echo "On Debian or Ubuntu: apt install python3-venv. Then run make again."; exit 1; }
	$(BIN)/python -m pip --quiet --disable-pip-version-check install uv==$(UV)
	@touch $@

# What a start imports is compiled now: where compiled files may not be written, every start would do it again.
COMPILED = PYTHONDONTWRITEBYTECODE= $(BIN)/python -c 'import nurseries.serve, nurseries.rehearsal.command, openai'

# The project itself goes in last, editable, built by the locked hatchling: nothing unlocked is fetched.
INSTALL = VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet
$(VENV)/.run: $(VENV)/.uv requirements-local.lock pyproject.toml
	$(INSTALL) --require-hashes -r requirements-local.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(COMPILED)
	@touch $@

$(VENV)/.dev: $(VENV)/.uv requirements-dev.lock pyproject.toml
	$(INSTALL) --require-hashes -r requirements-dev.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(COMPILED)
	@touch $@ $(VENV)/.run
