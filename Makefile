# make run   - the whole pipeline on the local target, with sample data
# make test  - lint, types and tests
# make check - lint, types and the tests that start no server: while you edit
# make diagrams - redraw the pictures of the README; needs graphviz and, for that of the report, Chromium
py := .venv/bin/python
installed := .venv/installed
tested := .venv/tested
# pip shows what it does, and leaves it to Python to compile what is used: compiling all of it takes as long as the rest.
pip_install := $(py) -m pip install --disable-pip-version-check --no-compile
# So that Python keeps what it has compiled. Images of Docker often forbid it: then every process compiles pandas anew,
# which takes a second.
unexport PYTHONDONTWRITEBYTECODE

# .venv keeps the Python that it was made with; make PYTHON=python3.13 makes it anew with another.
made_with := $(shell cat $(installed) 2>/dev/null)
PYTHON ?= $(or $(made_with),python3)
ifeq ($(origin PYTHON),command line)
ifneq ($(PYTHON),$(made_with))
.PHONY: $(installed)
endif
endif

check_options = --target $(or $(TARGET),aws) $(if $(YES),--yes) $(if $(ONLY),--only $(ONLY)) \
	$(if $(NODES),--nodes $(NODES)) $(if $(PAUSE),--pause) $(if $(BUDGET),--budget-minutes $(BUDGET))

# make bench  - measure against what people would use instead
# make clients - connect to the local target with psycopg, redshift_connector, SQLAlchemy, dbt and others
# make faults - kill a load before every one of its statements, and more
# make aws-check - try everything on your own AWS account: half an hour, less than a dollar; asks first (YES=1 does not).
#                  ONLY=free is the calls that cost nothing; TARGET=local tries the same checks on the local target
.PHONY: run test check bench faults clients aws-check lint diagrams clean

run: $(installed)
	$(py) create_cluster.py
	$(py) create_tables.py
	$(py) etl.py
	$(py) business_insights.py
	@echo "Take it down again with: $(py) destroy_cluster.py"
	@$(py) business_insights.py --output out --quiet

test: $(tested) lint
	$(py) -m pytest -n 3 --dist worksteal

check: $(tested) lint
	$(py) -m pytest -n 2 --dist worksteal -m "not servers" -q --durations=3 --durations-min=2

faults: $(tested)
	FAULTS=all $(py) -m pytest -n 2 tests/faults tests/aws/test_every_call.py tests/aws/test_live_local.py \
		tests/aws/test_patience.py tests/local/test_data_folder.py \
		tests/aws/test_policies.py tests/local/test_disk.py tests/local/test_postgres.py tests/test_interrupts.py \
		tests/test_order.py tests/test_streams.py

clients: $(tested)
	$(PYTHON) -m venv .venv/clients
	.venv/clients/bin/python -m pip install --disable-pip-version-check -r tests/clients/requirements.txt
	CLIENTS=$(CURDIR)/.venv/clients/bin $(py) -m pytest tests/clients

aws-check: $(installed)
	@$(py) -m tests.aws.live $(check_options)

bench: $(installed)
	$(pip_install) --quiet -r tests/benchmarks/requirements.txt
	$(py) -m tests.benchmarks.bench $(BENCH)

lint: $(tested)
	$(py) -m ruff check .
	$(py) -m ruff format --check .
	$(py) -m mypy
	$(py) -m vulture

diagrams: $(installed)
	$(py) -m assets.draw
	$(py) -m assets.terminal
	$(py) -m assets.report

$(installed): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(pip_install) -r requirements.txt
	@echo "$(PYTHON)" > $@

$(tested): $(installed) tests/requirements.txt
	$(pip_install) -r tests/requirements.txt
	@touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
