# Everything a newcomer needs; `make help` lists it. Needs Python 3.11, make and git only.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := .venv/bin
DATA ?= jikimi-data
PORT ?= 8600

.PHONY: help setup demo lab test test-kafka test-browser console check format lock agent-bundle clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip --quiet install 'uv>=0.8'

.venv/.ready: pyproject.toml uv.lock $(wildcard hatch_build.py) | $(if $(findstring .tools,$(UV)),.tools/bin/uv)
	$(UV) sync --locked --all-extras
	@touch $@

setup: .venv/.ready ## prepare .venv, after which .venv/bin/jikimi runs

demo: setup ## run the main job: two client companies, real telemetry, a live console
	$(RUN)/jikimi demo --data $(DATA) --port $(PORT)

test: setup ## pass the tests, in two processes (no root, no Docker, no server)
	$(RUN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not kafka and not browser"

test-kafka: setup ## the event log's contract suite on a real Apache Kafka (needs Java 17 and Maven)
	@$(RUN)/python -m tests.integration.kafka.broker
	$(RUN)/pytest -m kafka

test-browser: console ## the console in a real browser (needs Chromium)
	$(RUN)/pytest -m browser tests/browser

lab: setup ## as root: play scans, worms, leaks and defacement in network namespaces, with loop devices as sticks
	@[ "$$(id -u)" = 0 ] || { echo "the lab makes network namespaces and mounts: run it as root"; exit 2; }
	$(RUN)/pytest -m root tests/lab

console: setup ## build the console anew, check its types, run its unit tests (brings its own Node)
	$(RUN)/python api/console/build.py --dev

check: setup ## lint, types, architecture
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/mypy --cache-dir .mypy_cache/win32 --platform win32 -m collectors.__main__ -m collectors.agent -m collectors.windows.service
	$(RUN)/mypy --cache-dir .mypy_cache/darwin --platform darwin -m collectors.__main__ -m collectors.agent
	$(RUN)/lint-imports

format: setup ## mend what can be mended by machine
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

lock: $(if $(findstring .tools,$(UV)),.tools/bin/uv) ## resolve the dependencies anew
	$(UV) lock

agent-bundle: setup ## the agent as one folder for machines without Python, in dist/jikimi-agent
	$(RUN)/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build deploy/pyinstaller/jikimi-agent.spec

clean: ## remove what was built
	rm -rf .venv .tools build dist .mypy_cache .ruff_cache .pytest_cache api/console/node_modules api/console/dist
