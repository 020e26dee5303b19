# What one does with a checkout. `make demo` and `make test` work on a fresh machine.

PYTHON := .venv/bin/python
TOOL := .venv/bin/clang-llm-tool
# Changing one of these makes the environment stale.
SETUP := setup.cfg setup.py pyproject.toml scripts/setup scripts/packages $(wildcard wrappers/clang-llm*)

# A Debian source package to build with clang-llm; empty: a program of tests/projects.
PROJECT ?=
# More words for `make differential`, `make fuzz` and `make first-hour`.
OPTIONS ?=
# Tests run at once; pytest-xdist's "auto" is one per core.
WORKERS ?= auto

.PHONY: help demo test test-unit test-projects lint bench savings check-packages learn coreset tuned evaluate numbers differential fuzz sanitize bench-tuning corpus plugin manual first-hour setup clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

demo: .venv/.setup-demo  ## build a real program with clang and with clang-llm, compare; PROJECT=<Debian source package>
	$(PYTHON) -m clang_llm.lab.measure.demo $(PROJECT)

test: .venv/.setup-test lint  ## everything that has to pass
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal

test-unit: .venv/.setup-test  ## the tests that need no clang
	$(PYTHON) -m pytest tests/unit -n $(WORKERS)

test-projects: .venv/.setup-test  ## also the tests that build whole projects (many minutes)
	$(PYTHON) -m pytest -n $(WORKERS) --dist worksteal --run-projects

lint: .venv/.setup-test  ## ruff, mypy, shellcheck
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	@if command -v shellcheck >/dev/null; then shellcheck scripts/* .ci/run wrappers/clang-llm wrappers/clang-llm++; \
	else echo "shellcheck is not installed: shell scripts were not checked" >&2; fi

bench: .venv/.setup-test  ## what clang-llm costs beside clang, measured side by side; writes build/bench/bench.md
	$(PYTHON) -m clang_llm.lab.measure.bench $(PROJECT)

savings: .venv/.setup-test  ## bytes saved at each effort over the validation packages
	$(PYTHON) -m clang_llm.lab.measure.savings $(PROJECT)

check-packages: .venv/.setup-test  ## build Debian packages with clang-llm, run their own tests, compare every object
	$(PYTHON) -m clang_llm.lab.measure.packages $(PROJECT)

corpus: .venv/.setup-test  ## collect modules of Debian packages to learn from, into build/corpus (hours; resumable)
	$(PYTHON) -m clang_llm.lab.corpus.collect $(if $(TARGET),--targets $(TARGET)) $(if $(PROJECT),--packages $(PROJECT))

learn: .venv/.setup-test  ## search on train modules of the corpus (docs/tuning.md)
	$(PYTHON) -m clang_llm.lab.shipping.learn $(if $(TARGET),--target $(TARGET))

coreset: .venv/.setup-test  ## choose, shorten and validate the recipes that are shipped, from what `make learn` found
	$(PYTHON) -m clang_llm.lab.shipping.coreset

tuned: .venv/.setup-test  ## what the shipped recipes save on validation modules of the corpus, per module and per function
	$(PYTHON) -m clang_llm.lab.measure.tuned $(if $(TARGET),--target $(TARGET))

evaluate: .venv/.setup-test  ## what the model saves on validation modules of the corpus, beside the shipped recipes
	$(PYTHON) -m clang_llm.lab.training.evaluate

numbers: .venv/.setup-demo  ## write the tables and the picture of README and docs from docs/results
	$(PYTHON) -m clang_llm.lab.measure.numbers

differential: .venv/.setup-test  ## programs with forced plans against the same without, until stopped (docs/differential.md); OPTIONS=...
	$(PYTHON) -m clang_llm.lab.differential run $(OPTIONS)

fuzz: .venv/.setup-test  ## libFuzzer on what the plugin reads, atheris on what Python parses, by turns; resumable (tests/fuzz); OPTIONS=...
	-$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	PYTHONPATH=tests $(PYTHON) -m fuzz $(OPTIONS)

sanitize: .venv/.setup-test  ## the plugin with sanitizers in a real clang, over our programs (tests/integration/plugin/test_sanitized.py)
	$(PYTHON) -m pytest tests/integration/plugin/test_sanitized.py --run-projects

bench-tuning: .venv/.setup-test  ## what tuning costs: candidates beside opt and clang, two cores, validation
	$(PYTHON) -m clang_llm.lab.measure.bench_tuning

first-hour: .venv/.setup-demo  ## what it takes from a clone and from a wheel to the first smaller object: time, disk; writes build/first-hour
	$(PYTHON) -m clang_llm.lab.measure.first_hour $(OPTIONS)

plugin: .venv/.setup-demo  ## build and try the plugin for every installed clang
	$(TOOL) doctor --all

manual: .venv/.setup-test  ## write the manual pages and completions of wrappers/share again
	$(PYTHON) -m clang_llm.cli.manual

setup: .venv/.setup-test  ## only set up

.venv/.setup-demo: $(SETUP)
	@if [ -e .venv/.setup-test ]; then scripts/setup test && touch .venv/.setup-test; else scripts/setup demo; fi
	@touch $@

.venv/.setup-test: $(SETUP)
	@scripts/setup test
	@touch $@ .venv/.setup-demo

clean:  ## remove what was built, not the environment
	rm -rf build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache
