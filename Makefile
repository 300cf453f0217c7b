# `make` alone lists the targets. Set-up happens by itself, once per change of requirements.lock or pyproject.toml.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What the sandbox makes up goes to DuckDB unless a warehouse is named here: one in .env is meant for real rows.
SANDBOX := $(if $(filter-out 0 no false,$(LIVE)),,WAREHOUSE=$(or $(WAREHOUSE),duckdb) $(BIN)/python -m sandbox exec --)
# Who types `make` is no production, whatever .env says of it: a warehouse of others gets schemas of one's own.
LAPTOP := $(if $(filter-out duckdb,$(WAREHOUSE)),DEPLOYMENT=$(or $(DEPLOYMENT),dev))
DAGSTER_DIR := $(abspath $(or $(DAGSTER_HOME),.dagster_home))
TEMPORARY := data .dagster_home .tmp_dagster_home_* .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	dbt_project/target dbt_project/logs dbt_project/dbt_packages dbt_project/.user.yml logs dist site

# What `foundation init` writes as constraints.txt: the versions of the lock, of the packages that users install.
CONSTRAINTS := data_foundation/project/repository/templates/constraints.txt.txt
EXTRAS := snowflake postgres lake gcs iceberg ducklake webserver sql mysql oracle mssql files workbook ui

# Tests wait half of the time, for a process that they started or a lock: one more than there are cores.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

# Dagster starts `dbt` by name.
export PATH := $(abspath $(BIN)):$(PATH)
# A cache on another disk than the checkout is copied from, without a warning on every run.
export UV_LINK_MODE ?= copy
# A company's own certificates are the system's.
export UV_SYSTEM_CERTS ?= true
# Images set this to stay small; every process would compile some 2,500 modules anew, three seconds of CPU each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run dev dbt-docs test test-promises test-workers test-image test-live test-package check fmt bench new-source test-ui screenshots docs docs-serve lock upstream clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(STAMP) $(DAGSTER_DIR)/dagster.yaml ## ingest every source, build every dbt model (sandbox; LIVE=1 calls the real endpoints)
	@DAGSTER_HOME=$(DAGSTER_DIR) $(LAPTOP) $(SANDBOX) $(BIN)/foundation run --dbt --record

dev: $(STAMP) $(DAGSTER_DIR)/dagster.yaml ## open Dagster on the same warehouse, with a history that stays (LIVE=1, PORT=3000)
	@DAGSTER_HOME=$(DAGSTER_DIR) $(LAPTOP) $(SANDBOX) $(BIN)/dg dev --port $(or $(PORT),3000)

dbt-docs: $(STAMP) ## write dbt's documentation as one page, with the descriptions of the loaded tables
	@$(LAPTOP) $(BIN)/foundation dbt -- docs generate --static
	@ls dbt_project/target/*/command_line/static_index.html

test: $(STAMP) ## run the tests, all but the browser's (ARGS="-k github")
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup --ignore=tests/ui --ignore=tests/package tests $(ARGS)

test-package: $(STAMP) ## build the wheel, and try it in empty environments of each Python that is here
	@$(BIN)/pytest -q -n 2 --dist loadgroup tests/package $(ARGS)

test-promises: $(STAMP) ## kill a load at every point, play every history, and run what is rare (two hours)
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup --promises tests/promises tests/snowflake/test_refusals.py $(ARGS)
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup --promises -m "rare or sampled" --ignore=tests/promises --ignore=tests/package tests $(ARGS)

test-workers: $(STAMP) ## kill the workers of a deployment of several machines at random (MINUTES=60; needs redis-server)
	@command -v redis-server >/dev/null || { echo "no redis-server here; on Debian: apt-get install redis-server" >&2; exit 2; }
	@MINUTES=$(or $(MINUTES),60) $(BIN)/pytest -q -n 0 --promises tests/deploy/test_workers.py $(ARGS)

test-image: $(STAMP) ## build the image of deploy/ and run containers of it, as root (needs buildah and debootstrap)
	@command -v buildah >/dev/null && command -v debootstrap >/dev/null || { \
		echo "no buildah or debootstrap here; on Debian: apt-get install buildah debootstrap" >&2; exit 2; }
	@# Gigabytes, so not in memory.
	@TMPDIR=$(or $(TMPDIR),/var/tmp) $(BIN)/pytest -q -n 0 --promises tests/deploy/test_image.py $(ARGS)

CONTRACT := $(addprefix tests/warehouses/contract/test_,dispositions.py values.py types.py)

test-live: $(STAMP) ## test on the Snowflake, SQL Server and Oracle that SNOWFLAKE_*, LIVE_MSSQL_DSN, LIVE_ORACLE_DSN name, and on WAREHOUSE
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup --live -rs tests/snowflake tests/databases $(CONTRACT) $(ARGS)

check: $(STAMP) ## lint, formatting, types, weak calls, the configuration of every source, and the pages of docs/
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/deptry --no-ansi data_foundation
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive data_foundation dlthub sandbox definitions.py
	@$(BIN)/foundation check
	@$(MAKE) --no-print-directory docs

fmt: $(STAMP) ## format, and fix what the linter can fix
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

bench: $(STAMP) ## compare with what a user would pick instead (ONLY=1,4 or ONLY=flat,sql; SIZE, ROUNDS, SIDES, SCALES, PICTURES)
	@$(BIN)/python -m benchmarks $(ONLY)

new-source: $(STAMP) ## start a source folder that passes its own test (NAME=my_source, FROM=rest)
	@test -n "$(NAME)" || { echo "which source? make new-source NAME=my_source" >&2; exit 2; }
	@$(BIN)/foundation new $(NAME) $(if $(FROM),--from '$(FROM)')

test-ui: $(STAMP) ## run the browser's tests (needs chromium and chromedriver)
	@command -v chromedriver >/dev/null || { echo "no chromedriver here; on Debian: apt-get install chromium chromium-driver" >&2; exit 2; }
	@$(BIN)/pytest -q tests/ui $(ARGS)

docs: $(STAMP) ## build the pages of docs/ into site/, and fail on a link that leads nowhere
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(STAMP) ## serve the pages of docs/ while you write them (PORT=8000)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict --dev-addr 127.0.0.1:$(or $(PORT),8000)

screenshots: $(STAMP) ## take the pictures of docs/ anew, in a quarter of an hour (needs chromium; ONLY=shipped, alerts, tutorial or pages)
	@$(BIN)/python -m tests.ui.screenshots $(ONLY)

lock: $(STAMP) ## write requirements.lock and constraints.txt anew (UPGRADE="dlt dagster" lets these move)
	@$(BIN)/uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.11 \
		--no-emit-index-url $(addprefix --upgrade-package ,$(UPGRADE)) -o requirements.lock
	@$(BIN)/uv pip compile --quiet pyproject.toml $(addprefix --extra ,$(EXTRAS)) --universal --python-version 3.11 \
		--no-emit-index-url --no-header --no-annotate --constraint requirements.lock -o $(CONSTRAINTS)

upstream: $(STAMP) ## try newer versions of dlt and Dagster, and show what changes of the insides that are relied on
	@$(BIN)/python -m tests.upstream

clean: ## remove all that was made here: the warehouse, the history, caches, .venv
	@rm -rf $(VENV) $(VENV)-bench-* $(VENV)-upstream $(VENV)-snowflake $(VENV)-snowflake.lock .azurite $(TEMPORARY)
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "Python 3.11, 3.12 or 3.13 is needed and $(PYTHON) is `$(PYTHON) --version 2>&1`; name another: make PYTHON=python3.12" >&2; exit 1; }
	@echo "set-up 1/3: $(VENV) with uv"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv<1'
	@echo "set-up 2/3: the exact versions of requirements.lock"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@echo "set-up 3/3: this project, editable"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# Made once and then yours to edit.
$(DAGSTER_DIR)/dagster.yaml:
	@mkdir -p $(@D)
	@cp deploy/dagster.yaml $@
