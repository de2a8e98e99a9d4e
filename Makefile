# Each target sets up what it needs: .venv for the command `rag` and the tests, .venv-sam for the SAM CLI.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

ARCH ?= arm64
STACK ?=
CONFIG ?= dev
BUILD := .aws-sam/build
BIN := .venv/bin
SAM := SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam
PIP := -m pip --disable-pip-version-check --quiet install

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

demo: .venv/local ## Start the local stack, load the samples, ask two questions, end it
	@$(BIN)/rag demo

test: .venv/dev ## Run all tests
	$(BIN)/pytest -n auto --dist loadfile

# WS1004 looks for log groups by Lambda's default name; ours are named by LoggingConfig, and tests hold their retention.
check: .venv/dev .venv-sam/ready ## Verify style, types, templates and state machines; change nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/cfn-lint --append-rules cfn_lint_serverless.rules --ignore-checks WS1004 --template template.yaml
	$(BIN)/python -m ragctl.checks
	@mkdir -p .aws-sam && $(BIN)/python -m ragctl.checks.translated > .aws-sam/translated.json
	$(BIN)/cfn-lint --template .aws-sam/translated.json
	AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint

fix: .venv/dev ## Format the code and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

eval: .venv/local ## Measure retrieval and answers on the samples; fail on a drop below the committed baseline
	@$(BIN)/python -m benchmarks.samples --compare

baseline: .venv/local ## Measure the samples as eval does, and make that the baseline to commit
	@$(BIN)/python -m benchmarks.samples --save

bench: .venv/local ## Measure the query path, and write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

build: .venv/local .venv-sam/ready ## Build functions and layers for ARCH (arm64 or x86_64), and check what was built
	@python=$$(scripts/python.sh 3.13); \
	PATH="$$(dirname "$$python"):$$PATH" ARCH=$(ARCH) PYTHON="$$python" \
	$(SAM) build --parameter-overrides Architecture=$(ARCH)
	$(BIN)/python -m ragctl.checks $(BUILD) $(ARCH)

deploy: build ## Deploy with a section of samconfig.toml: make deploy CONFIG=prod
	$(SAM) deploy --config-env $(CONFIG) $(if $(STACK),--stack-name $(STACK))

lock: ## Lock the requirements anew (needs uv)
	scripts/lock.sh

clean: ## Remove environments and everything built; keep .rag, the local stack's data
	rm -rf .venv .venv-sam .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/bin/python: # PYTHON=python3.11 make demo: with that one
	@python=$${PYTHON:-$$(scripts/python.sh)}; echo "Setting up .venv with $$python"; "$$python" -m venv .venv

.venv/local: requirements/local.txt pyproject.toml | .venv/bin/python
	@echo "Installing the local stack (first time only: one to three minutes)"
	$(BIN)/python $(PIP) --require-hashes -r requirements/local.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: requirements/dev.txt .venv/local
	@echo "Installing tests and checks"
	$(BIN)/python $(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

.venv-sam/ready: requirements/sam.txt
	@python=$$(scripts/python.sh); echo "Setting up .venv-sam with $$python"; "$$python" -m venv .venv-sam
	.venv-sam/bin/python $(PIP) --require-hashes -r requirements/sam.txt
	@touch $@

.PHONY: help demo test check fix eval baseline bench build deploy lock clean
