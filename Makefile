# One runner for every chore. `make` alone lists them, with the options and their defaults.
# Options are variables of the environment: make run PORT=8001

PYTHON ?= python3
VENV := .venv/bin
SETUP := $(PYTHON) deploy/local/setup.py
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup run kind kind-preload kind-down dev status test lint types unit integration e2e labs record bench bench-netlab soak conformance addons addons-lock verify-cluster clean distclean

help: ## list the chores and the options
	@$(PYTHON) deploy/local/help.py $(MAKEFILE_LIST)

setup: ## install what `make run` needs, without starting anything
	@$(SETUP) --for run

run: setup ## start the portal and its cluster; Ctrl-C ends everything
	@exec $(VENV)/python deploy/local/up.py

kind: ## create the reference cluster with Docker and kind, and tell the portal of it
	@$(PYTHON) deploy/kind/cluster.py check
	@CLUSTER=kind $(SETUP) --for run
	@$(VENV)/python deploy/kind/cluster.py up

kind-preload: ## keep what `make kind` needs as archives in KIND_IMAGES, for machines without the internet
	@$(PYTHON) deploy/kind/cluster.py check
	@CLUSTER=kind $(SETUP) --for run
	@$(VENV)/python deploy/kind/cluster.py preload

kind-down: ## delete the reference cluster
	@$(PYTHON) deploy/kind/cluster.py down

status: ## show the processes of the portal that runs in STATE_DIR
	@$(VENV)/python deploy/local/stack.py $(or $(STATE_DIR),var)

dev: setup ## how to run single parts by hand, with reloading
	@$(PYTHON) deploy/local/help.py --dev

setup-test:
	@$(SETUP) --for test

test: setup-test ## everything CI runs: linters, types, unit, integration, browser
	@$(VENV)/python deploy/local/checks.py lint types django tests

lint: setup-test ## ruff, import-linter, djlint
	@$(VENV)/python deploy/local/checks.py lint

types: setup-test ## mypy
	@$(VENV)/python deploy/local/checks.py types

unit: setup-test ## the quick tests
	@$(VENV)/pytest -m "not integration and not e2e" $(ARGS)

integration: setup-test ## the tests with a real Redis, worker and netlab
	@$(VENV)/pytest -m "integration and not e2e" $(ARGS)

e2e: setup-test ## the journey in a real browser
	@$(VENV)/pytest -m e2e $(ARGS)

labs: setup-test ## lint the course and play every solution and mutant (LABS="packet-loss" ARGS="--repeat 20")
	@$(VENV)/python manage.py labs lint
	@$(VENV)/python deploy/local/play_labs.py $(LABS) $(ARGS)

record: setup-test ## record the labs whose recording is missing or old (ARGS="LAB", ARGS=--again)
	@$(VENV)/python deploy/local/play_labs.py record $(ARGS)

bench: setup-test ## measure netlab's start, click to first output (beside kubectl exec), Ctrl-C, a matrix, 50 idle labs, a class of 200
	@$(VENV)/python tests/bench/netlab_start.py
	@$(VENV)/python tests/bench/click_to_output.py
	@$(VENV)/python tests/bench/ctrl_c.py
	@$(VENV)/python tests/bench/matrix.py
	@$(VENV)/python tests/bench/idle_labs.py
	@$(VENV)/python tests/bench/class_grid.py

bench-netlab: setup-test ## measure netlab: start, pods, exec, watches, Services, memory, growth
	@$(VENV)/python tests/bench/netlab_start.py
	@$(VENV)/python tests/bench/netlab_figures.py

soak: setup-test ## two web and three worker processes on PostgreSQL behind nginx, one shot each 10 s (MINUTES=5 STUDENTS=6)
	@$(VENV)/python tests/bench/fleet_under_kills.py $(or $(MINUTES),5) $(or $(STUDENTS),6)

conformance: setup-test ## judge the cluster of KUBECONFIG=...; without it, an own netlab
	@CONFORMANCE=whole $(VENV)/pytest tests/conformance $(ARGS)

addons: setup ## install add-ons on the cluster of KUBECONFIG=... (ADDONS="ingress metallb", or all)
	@$(VENV)/python deploy/addons/addons.py install $(ADDONS)

addons-lock: setup ## online: write the checksums of the add-ons' manifests into deploy/addons/lock.json
	@$(VENV)/python deploy/addons/addons.py lock $(ADDONS)

verify-cluster: ## judge the cluster of KUBECONFIG=... (or an own netlab) wholly; LAB=slug and PARTS=... for less
	@CLUSTER=$(or $(KUBECONFIG),netlab) $(SETUP) --for verify
	@KUBECONFIG=$(KUBECONFIG) LAB="$(LAB)" PARTS="$(PARTS)" $(VENV)/python deploy/local/verify_cluster.py

clean: ## remove what builds and tests leave
	rm -rf static/dist static/.dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache test-results
	find . -name __pycache__ -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +

distclean: clean ## also remove .venv, node_modules, the database and the images
	rm -rf .venv node_modules var
