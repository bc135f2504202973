# Everything sets itself up: the virtual environment, the locked packages, and Pango where it may.

PYTHON := python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
OURS := bench/.ours
PEERS := bench/.peers

.DEFAULT_GOAL := help
.PHONY: help demo test coverage worlds check bench readers format lock build readme golden picture clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/run ## export an invented organization's last quarter, verify it, show where the PDF is
	$(BIN)/audit-export demo --output demo

test: $(VENV)/dev ## run the tests
	$(BIN)/pytest $(TOGETHER)

coverage: $(VENV)/dev ## run the tests and show what none of them runs; takes nearly twice as long
	$(BIN)/pytest $(TOGETHER) --cov --cov-report=term

# What a module of tests makes once is made in one process; the longest tests do not come last.
TOGETHER = --numprocesses 2 --dist loadscope --no-loadscope-reorder

worlds: $(VENV)/dev ## read thousands of generated logs, others each time; make worlds WORLDS=500 reads fewer
	WORLDS=$(or $(WORLDS),5000) $(BIN)/pytest -q -p no:logging --override-ini faulthandler_timeout=0 \
		--hypothesis-show-statistics tests/source/test_walk.py -k world_held

check: $(VENV)/dev ## lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy exporter tests scripts bench
	$(BIN)/lint-imports

bench: $(OURS)/ready $(PEERS)/ready ## measure; make bench ONLY=derive ENTRIES=200000 RUNS=3 measures less
	$(OURS)/bin/python -m bench --peers $(PEERS)/bin/python $(if $(ONLY),--only $(ONLY)) \
		$(if $(ENTRIES),--entries $(ENTRIES)) $(if $(RUNS),--runs $(RUNS))

readers: $(VENV)/dev ## hold archives and queries out to Spark and LibreOffice; on Debian it installs what is missing
	$(PYTHON) -m venv dist/spark
	dist/spark/bin/python -m pip --disable-pip-version-check --quiet install 'pyspark>=4,<5'
	which java soffice > /dev/null || apt-get install --yes --no-install-recommends \
		default-jre-headless libreoffice-calc-nogui
	$(BIN)/python scripts/readers.py dist/spark/bin/python
	rm -rf dist/readers
	$(BIN)/audit-export demo --quiet --output dist/readers
	$(BIN)/python scripts/engines.py dist/spark/bin/python dist/readers/*/*

format: $(VENV)/dev ## bring the code into its one form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: $(VENV)/dev ## build the wheel and the source distribution into dist/
	$(BIN)/python -m build --no-isolation

lock: $(VENV)/dev ## write the lock files anew; make lock UPGRADE=--upgrade takes newer versions
	$(LOCK) --group build --output-file requirements/run.txt
	$(LOCK) --group dev --constraint requirements/run.txt --output-file requirements/dev.txt
	$(COMPILE) --group bench --constraint requirements/run.txt --output-file bench/requirements.txt

COMPILE = $(BIN)/uv pip compile $(UPGRADE) --quiet --universal \
	--python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --no-header
LOCK = $(COMPILE) pyproject.toml --extra sandbox

readme: $(VENV)/dev ## write the help texts and the demo's output in README.md anew
	$(BIN)/python scripts/readme.py

golden: $(VENV)/dev ## write the report's text that the tests compare with anew; review the difference
	GOLDEN=write $(BIN)/pytest -q tests/report/test_golden.py

picture: $(VENV)/dev ## draw the report's picture in README.md anew; needs Poppler's tools
	rm -rf dist/picture
	$(BIN)/audit-export demo --output dist/picture
	$(BIN)/python scripts/picture.py dist/picture/*/*/data/report.pdf docs/images/report.png

clean: ## remove what the other targets made
	rm -rf $(VENV) $(OURS) $(PEERS) bench/work dist demo .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/run: requirements/run.txt pyproject.toml scripts/install-pango
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and $(TOO_OLD))'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	scripts/install-pango $(BIN)/python
	@touch $@

TOO_OLD = "Python 3.11 or newer is needed; name one that is installed: make PYTHON=python3.12"

$(VENV)/dev: $(VENV)/run requirements/dev.txt
	$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

$(OURS)/ready: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv $(OURS)
	$(OURS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement $<
	$(OURS)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	@touch $@

$(PEERS)/ready: bench/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement $<
	@touch $@
