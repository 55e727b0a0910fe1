# SPDX-License-Identifier: Apache-2.0
# Two commands matter on a fresh machine: `make demo` and `make test`.
# Everything lives in .venv; the locks say exactly what is installed, with hashes.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv/bin
# `make test ARGS="-x tests/engine"`, `make demo ARGS="--once --json"`
ARGS ?=
# Tests of different files run side by side; one file stays in one process, as its servers do.
JOBS ?= 2

.PHONY: help demo test lint soak bench pictures evasion format lock run-env dev-env

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: run-env ## Try it: gate, next hop and sample mails on this machine
	@$(VENV)/dlpmilter demo $(ARGS)

test: dev-env ## Everything that must pass before a change lands
	@$(VENV)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

lint: dev-env ## Ruff, formatting and mypy
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy

soak: dev-env ## The long runs: crashes under load for an hour and more
	@$(VENV)/python -m pytest -m soak --timeout 14400 $(ARGS)

bench: dev-env ## Speed against peers measured in the same run
	@$(VENV)/python -m pytest -m bench -s --timeout 3600 $(ARGS)

pictures: dev-env ## Take the pictures of the README anew, in a real browser
	@$(VENV)/python -m tests.portal.pictures

evasion: dev-env ## Mails that try to hide something: found, held or missed
	@$(VENV)/python -m tests.evasion.report

format: dev-env ## Put the code into its one form
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

# The locks name no package index; uv (0.13 or newer) reads pyproject.toml and writes them.
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate

lock: ## Renew the locks from pyproject.toml (needs uv)
	@$(LOCK) --group build --output-file deploy/requirements-build.lock
	@$(LOCK) pyproject.toml --output-file deploy/requirements.lock
	@$(LOCK) pyproject.toml --extra dev --constraints deploy/requirements.lock --constraints deploy/requirements-build.lock \
		--output-file deploy/requirements-dev.lock

run-env:
	@.ci/prepare run

dev-env:
	@.ci/prepare dev
