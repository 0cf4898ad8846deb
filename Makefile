# The commands of the project. `make demo` and `make test` need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/

.PHONY: demo up test lint advisories graph bench bench-drop bench-reservations bench-reads bench-growth bench-scaling chaos killpoints day openapi lock clean

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

# Most tests wait for a server more than they compute: three files at a time, each with servers of its own.
JOBS ?= 3

test: $(VENV)/.installed ## every test, on real servers; JOBS=1 runs one file after another
	$(RUN)pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder $(ARGS)

# What runs in production. The stand-ins start processes and roll dice, which is what they are for.
PRODUCTION = activities api domain gateways models workflows cli.py settings.py worker.py

lint: $(VENV)/.installed ## style, types, the rooms' contracts, and what bandit finds
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)bandit --quiet --configfile pyproject.toml --recursive $(PRODUCTION)

advisories: $(VENV)/.installed ## known vulnerabilities of what is locked, as far as an advisory service can be asked
	$(RUN)python -m tests.advisories $(ARGS)

bench: $(VENV)/.installed ## measured figures, as ratios to floors of the same run
	$(RUN)python -m benchmarks $(ARGS)

bench-drop: $(VENV)/.installed ## a limited drop, 10,000 buyers for 500 units, and its checks; ARGS=--chaos kills processes
	$(RUN)python -m benchmarks.drop $(ARGS)

bench-reservations: $(VENV)/.installed ## reservations a second, one hot SKU and a thousand, beside their floor
	$(RUN)python -m benchmarks.reservations $(ARGS)

bench-reads: $(VENV)/.installed ## an order read a second, as in production, beside bare FastAPI with psycopg
	$(RUN)python -m benchmarks.reads $(ARGS)

bench-growth: $(VENV)/.installed ## what an order and a look cost in a full database; ARGS="--million --memory 10000"
	$(RUN)python -m benchmarks.growth $(ARGS)

bench-scaling: $(VENV)/.installed ## orders a second with one worker and API process, and with two
	$(RUN)python -m benchmarks.scaling $(ARGS)

chaos: $(VENV)/.installed ## everything is killed, frozen and cut off under 300 shoppers, and what must hold is judged; ARGS="--seed 1"
	$(RUN)python -m benchmarks.survival $(ARGS)

killpoints: $(VENV)/.installed ## the worker dies at each step of each process, and nothing is lost; ARGS="--only payments"
	$(RUN)python -m tests.kill_points.matrix $(ARGS)

day: $(VENV)/.installed ## 200 random orders live from the cart to their end; MILEPOST_DAY_ORDERS=50 MILEPOST_DAY_SEED=2
	$(RUN)python -m tests.faults.day

graph: $(VENV)/.installed ## writes docs/schema.graphql, unless a change breaks callers; ARGS=--breaking
	$(RUN)python -m tests.graph $(ARGS)

openapi: $(VENV)/.installed ## writes docs/openapi.json, unless it breaks callers; ARGS=--breaking all the same
	$(RUN)python -m tests.openapi $(ARGS)

LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

lock: ## resolve the dependencies anew, with hashes and without index addresses (needs uv)
	$(LOCK) --upgrade --extra sandbox --extra dev --output-file requirements.lock pyproject.toml
	$(LOCK) --constraint requirements.lock --output-file requirements.runtime.lock pyproject.toml

clean:
	rm -rf $(VENV) .milepost .mypy_cache .ruff_cache .pytest_cache .hypothesis
