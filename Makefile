# Every target sets the checkout up by itself: Python 3.11 to 3.13, git and make are all it needs.
.DEFAULT_GOAL := help
SOURCES := hatch_build.py src tests bench examples

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1 	\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: setup
setup: ## the environment, into .venv, tools/npm/node_modules and the pages' vendor folder; quick when nothing changed
	@tools/setup

.PHONY: demo
demo: setup ## a request on a real local chain, answered on chain by a real node, step by step
	@.venv/bin/adyton dev demo

.PHONY: dev
dev: setup ## the demo's world, staying up to play with
	@.venv/bin/adyton dev

.PHONY: test
test: setup ## the whole test suite
	@.venv/bin/pytest

.PHONY: check
check: setup ## exactly what CI runs: formatting, lint, types, then every test (import order and docs among them)
	@.venv/bin/ruff format --check --quiet $(SOURCES) || { echo "check: run 'make format'" >&2; exit 1; }
	@.venv/bin/ruff check --quiet $(SOURCES)
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/pytest

.PHONY: format
format: setup ## rewrite the code in the one format
	@.venv/bin/ruff check --quiet --fix --exit-zero $(SOURCES)
	@.venv/bin/ruff format --quiet $(SOURCES)

.PHONY: bench
bench: setup ## measure, and print the machine beside the figures
	@.venv/bin/python bench/run.py

.PHONY: pictures
pictures: setup ## take the pictures of docs/pages.md anew, of a real node in a real browser (needs chromium)
	@PYTHONPATH=tests .venv/bin/python tests/browser/pictures.py

.PHONY: soak
soak: setup ## the simulation with fresh seeds and every fault, until Ctrl-C or for SOAK=2h
	@.venv/bin/adyton sim --seeds "$$(date +%s)-" --depth 20 --jobs "$$(getconf _NPROCESSORS_ONLN)" $(if $(SOAK),--for $(SOAK))

.PHONY: lock
lock: setup ## choose and lock new versions of the dependencies (needs the network)
	@tools/lock

.PHONY: clean
clean: ## remove everything that set-up, tests and builds left in the checkout
	@rm -rf .venv tools/npm/node_modules src/adyton/web/ui/static/vendor .build .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	@find src tests bench -name __pycache__ -prune -exec rm -rf {} +
