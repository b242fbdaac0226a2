# Two commands: `make run` and `make test`. Everything else is for working on the product.
PORT ?= 8000
SANDBOX_PORT ?= 8001
DEMO ?= yes
ARGS ?=
PYTHON3 ?= $(shell for p in python3.13 python3 python; do $$p -c 'import sys' >/dev/null 2>&1 && echo $$p && break; done)
PYTHON := .venv/bin/python

# Compiled modules halve every start.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONUNBUFFERED = 1

.DEFAULT_GOAL := help
.PHONY: help setup run test check format messages bench screenshots clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv as uv.lock says (every other target does this first)
	@test -n "$(PYTHON3)" || { echo "Python 3.13 was not found. Install it, or name it: make $(MAKECMDGOALS) PYTHON3=/path/to/python3.13" >&2; exit 1; }
	@$(PYTHON3) tools/bootstrap.py

run: setup ## Run everything with demo data: make run [PORT=8000] [SANDBOX_PORT=8001] [DEMO=no] [DEBUG=1]
	@DEBUG=$(or $(DEBUG),false) exec $(PYTHON) -m tools.run --port $(PORT) --sandbox-port $(SANDBOX_PORT) $(if $(filter no,$(DEMO)),--no-demo)

test: setup ## Run all tests, browser included: make test [ARGS="-k invitation -x"]
	@$(PYTHON) -m tools.browser >/dev/null
	@TEST_SERVICES=own exec $(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

check: setup ## Lint, types, layers, templates, migrations, deployment checks, translations
	@$(PYTHON) -m tools.check

format: setup ## Put code into its one form
	@$(PYTHON) -m ruff format . && $(PYTHON) -m ruff check --fix .

messages: setup ## Collect texts for translation and compile locale/
	@$(PYTHON) -m tools.messages

bench: setup ## The project's own figures, each as a ratio to a limit measured in the same run
	@$(PYTHON) -m bench $(ARGS)

screenshots: setup ## Take the README's pictures
	@$(PYTHON) -m tools.browser >/dev/null
	@$(PYTHON) -m tools.screenshots $(ARGS)

clean: ## Remove what was built and every bit of local data
	rm -rf .venv var staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache test-results
