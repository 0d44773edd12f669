# The workshop. `make` alone lists the targets; `make test` is the gate, and CI runs that same command.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PY := .venv/bin/python
PIP_INSTALL = -m pip install -qq --no-input --disable-pip-version-check
EDITABLE = --no-deps --no-build-isolation --editable .

# What the tests start for real, as COMMAND:DEBIAN-PACKAGE. Tests whose program is missing are skipped by name.
PROGRAMS := strace:strace mariadbd:mariadb-server-core pg_ctlcluster:postgresql chromium:chromium

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.runtime  ## two sample services, the whole road, and a page: install what is missing, then play it
	@.venv/bin/byline demo $(ARGS)

test: setup setup-aws programs  ## the gate: lint, types, import rules and every test; prints each suite's seconds
	@$(PY) -m tests.gate

check: setup  ## the quick gate, under a minute: lint, format, types, import rules, unit tests
	@$(PY) -m tests.gate --quick

setup: .venv/.dev  ## install everything the work needs into .venv

setup-aws: .venv-aws/.made  ## install the AWS emulator that the contract tests start, into .venv-aws

bench: .venv/.bench  ## the benchmarks; ARGS="pipeline --quick" picks one
	@$(PY) -m benchmarks $(if $(ARGS),$(ARGS),pipeline)

torture: setup programs  ## kill the example service at every crash point, for 15 minutes; ARGS="--quick" takes under one
	@$(PY) -m tests.torture $(ARGS)

package: setup  ## the zips of the Lambda functions, into build/lambda; ARGS="--architecture arm64" builds those only
	@$(PY) infra/package.py $(ARGS)

docs: setup  ## check the documentation: links resolve, snippets run, nothing that exists is undocumented
	@$(PY) -m pytest -q tests/unit/test_docs.py tests/acceptance/test_snippets.py

format: setup  ## write the code the way the formatter does, and mend what the linter can mend
	@$(PY) -m ruff check --fix --quiet || true
	@$(PY) -m ruff format

requirements: setup  ## compile the pins again; ARGS=--upgrade moves them to the newest releases
	@.ci/compile-requirements $(ARGS)

clean:  ## remove caches and build output (never .venv, never data)
	@rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	@find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

programs:
	@.ci/install-programs $(PROGRAMS)

# A stamp tells that an installation is whole and current; an interrupted one has none and is done again.
.venv/bin/python:
	@python=$$(.ci/find-python) && "$$python" -m venv --clear .venv

.venv/.runtime: .venv/bin/python pyproject.toml requirements/build.txt requirements/runtime.txt
	@echo "installing Byline into .venv …"
	@$(PY) $(PIP_INSTALL) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PY) $(PIP_INSTALL) $(EDITABLE)
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml requirements/dev.txt
	@echo "installing Byline and its workshop into .venv …"
	@$(PY) $(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(PY) $(PIP_INSTALL) $(EDITABLE)
	@touch .venv/.runtime $@

.venv/.bench: .venv/.dev requirements/bench.txt
	@echo "installing what the benchmarks compare with …"
	@$(PY) $(PIP_INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@

.venv-aws/.made: requirements/aws.txt
	@echo "installing the AWS emulator into .venv-aws …"
	@python=$$(.ci/find-python) && "$$python" -m venv --clear .venv-aws
	@.venv-aws/bin/python $(PIP_INSTALL) --require-hashes -r requirements/aws.txt
	@touch $@

.PHONY: help demo test check setup setup-aws bench torture package docs format requirements clean programs
