# The front door. Needs python3 (3.11 to 3.13) and make; everything else is set up inside the project.
#   make demo ARGS="--stores 500 --days 90"      make test ARGS="tests/ledger -x"

UV := python3 tools/uv.py
DEV := $(UV) run --locked --all-extras

.DEFAULT_GOAL := help
.PHONY: help demo serve bank test lint format types imports check clean

help:
	@echo "make demo     a simulated year of a marketplace, then the service on it"
	@echo "make serve    the service"
	@echo "make bank     a simulated bank beside it"
	@echo "make check    test, lint, types and imports; each also by its own name"
	@echo "make format   rewrite the source in its format"
	@echo "make clean    remove what was built; your data directory stays"

demo:
	@$(UV) run --locked --no-dev --extra embedded houfu demo $(ARGS)

serve:
	@$(UV) run --locked --no-dev --extra embedded houfu serve $(ARGS)

bank:
	@$(UV) run --locked --no-dev --extra embedded houfu bank $(ARGS)

test:
	@$(DEV) pytest -n auto $(ARGS)

lint:
	@$(DEV) ruff check
	@$(DEV) ruff format --check

format:
	@$(DEV) ruff check --fix
	@$(DEV) ruff format

types:
	@$(DEV) basedpyright

imports:
	@$(DEV) lint-imports --no-cache

check: test lint types imports

clean:
	rm -rf .venv .tools .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
