# The commands of the project. `make demo` and `make test` need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/

.PHONY: demo up test lint bench bench-drop bench-reservations lock clean

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Milepost needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(RUN)pip install --disable-pip-version-check --quiet --require-hashes --requirement requirements.lock
	$(RUN)pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps --editable .
	touch $@

demo: $(VENV)/.installed ## one order from an HTTP request to the doorstep; ARGS=--once for CI
	$(RUN)milepost demo $(ARGS)

up: $(VENV)/.installed ## the whole stack, left running until Ctrl-C; ARGS="--data DIR" keeps its data
	$(RUN)milepost up $(ARGS)

test: $(VENV)/.installed ## every test, on real servers
	$(RUN)pytest $(ARGS)

lint: $(VENV)/.installed ## style, types and the rooms' contracts
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)lint-imports

bench: $(VENV)/.installed ## measured figures, as ratios to floors of the same run
	$(RUN)python -m benchmarks $(ARGS)

bench-drop: $(VENV)/.installed ## a limited drop, 10,000 buyers for 500 units, and its checks; ARGS=--chaos kills processes
	$(RUN)python -m benchmarks.drop $(ARGS)

bench-reservations: $(VENV)/.installed ## reservations a second, one hot SKU and a thousand, beside their floor
	$(RUN)python -m benchmarks.reservations $(ARGS)

LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

lock: ## resolve the dependencies anew, with hashes and without index addresses (needs uv)
	$(LOCK) --upgrade --extra sandbox --extra dev --output-file requirements.lock pyproject.toml
	$(LOCK) --constraint requirements.lock --output-file requirements.runtime.lock pyproject.toml

clean:
	rm -rf $(VENV) .milepost .mypy_cache .ruff_cache .pytest_cache .hypothesis
