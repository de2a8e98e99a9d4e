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

check: .venv/dev .venv-sam/ready ## Verify style, types, templates and state machines; change nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/cfn-lint --append-rules cfn_lint_serverless.rules --template template.yaml
	$(BIN)/python -m ragctl.checks
	@mkdir -p .aws-sam && $(BIN)/python -m ragctl.checks.translated > .aws-sam/translated.json
	$(BIN)/cfn-lint --template .aws-sam/translated.json
	AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint

fix: .venv/dev ## Format the code and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m ragctl.iam

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

rehearse: build .venv/dev .venv-rehearse/ready ## Rehearse the deployment offline: lint, create and run the stack under every combination of parameters
	@$(BIN)/python -m ragctl.rehearsal

deploy: configured build ## Deploy with a section of samconfig.toml, and tell what to do next: make deploy CONFIG=prod
	$(SAM) deploy --config-env $(CONFIG) --no-fail-on-empty-changeset $(if $(STACK),--stack-name $(STACK))
	@$(BIN)/python -m ragctl.deploying after $(CONFIG) $(STACK)

configured: .venv/local # before a build that takes a minute
	@$(BIN)/python -m ragctl.deploying before $(CONFIG) $(STACK)

lock: ## Lock the requirements anew (needs uv)
	scripts/lock.sh

clean: ## Remove environments and everything built; keep .rag, the local stack's data
	rm -rf .venv .venv-sam .venv-rehearse .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis

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

.venv-rehearse/ready: requirements/rehearse.txt
	@python=$$(scripts/python.sh); echo "Setting up .venv-rehearse with $$python"; "$$python" -m venv .venv-rehearse
	.venv-rehearse/bin/python $(PIP) --require-hashes -r requirements/rehearse.txt
	@touch $@

.PHONY: help demo test check fix eval baseline bench build rehearse deploy configured lock clean
