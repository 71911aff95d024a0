PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo
DEMO_SETTINGS := --dim 6 --epochs 100 --learning-rate 0.001

.PHONY: help docs demo test coverage doctest test-docs test-slow fuzz test-lowest lint format bench package clean

help:
	@echo "make demo         train on the digits of scikit-learn and write $(DEMO)/report.html"
	@echo "make test         run the doctests and the tests"
	@echo "make doctest      run the examples in docstrings"
	@echo "make test-docs    run the code blocks of the documentation"
	@echo "make test-slow    run the long checks as well"
	@echo "make fuzz         ten minutes of damaged and unusual files for everything that reads files"
	@echo "make test-lowest  run the tests with the oldest versions allowed"
	@echo "make lint         ruff, formatter, mypy"
	@echo "make package      build wheel and sdist, install the wheel into clean environments and use it"
	@echo "make docs         build the site in site/html, and look at it in Chromium if there is one"
	@echo "make bench        measure the loss against its rivals"

# Made anew when the dependencies change; the last step makes the file, so an interrupted set-up is done again. CUDA
# builds of PyTorch bring their own Triton; beside others, its interpreter runs the CUDA kernel in the tests.
$(VENV)/.installed: $(VENV)/.demo
	@echo "Installing the tools for development into $(VENV), which takes a few minutes"
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	$(BIN)/python -c "import triton" 2>/dev/null || $(BIN)/pip install --quiet --no-deps triton==3.9.0 || \
		echo "no Triton for this machine: its tests will be skipped"
	touch $@

# What the demo needs, so that a new user waits for no more.
$(VENV)/.demo: pyproject.toml constraints.txt
	@echo "Installing eccentric and PyTorch into $(VENV), which takes a few minutes"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt torch
	$(BIN)/pip install --quiet -c constraints.txt -e ".[train,explore]"
	touch $@

demo: $(VENV)/.demo
	$(BIN)/eccentric train digits --out $(DEMO) --overwrite $(DEMO_SETTINGS)
	@echo "Open $(DEMO)/report.html in a browser."
	@echo "Explore its components: $(BIN)/eccentric explore $(DEMO)"

# One thread a worker: two workers of two threads on two cores mostly wait for each other.
test: $(VENV)/.installed doctest
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m "not slow and not docs" --durations=5

# Measuring coverage costs a third more.
coverage: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m "not slow and not docs" --cov --cov-report=term:skip-covered

# Modules that need an optional package which is not installed are skipped.
doctest: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -p no:xdist --doctest-modules --doctest-ignore-import-errors src/eccentric

test-docs: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m docs tests/docs

test-slow: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal -m "not fuzz"

# FUZZ_MINUTES=1 for less, FUZZ_START=5000 for other files. Its counts stand in docs/reliability.md.
fuzz: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -s -m fuzz tests/fuzz

# PyPI's builds of the oldest PyTorch bring CUDA with them, several GB.
LOWEST := .venv-lowest
test-lowest:
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/pip install --quiet uv
	$(LOWEST)/bin/uv pip compile --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		$(foreach extra,train explore export h5ad rl adapters,--extra $(extra)) \
		--output-file $(LOWEST)/lowest.txt pyproject.toml
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --constraint $(LOWEST)/lowest.txt -e ".[dev]"
	OMP_NUM_THREADS=1 $(LOWEST)/bin/pytest -n auto --dist worksteal -m "not slow and not docs"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.loss

# Warnings are errors. DOCS_ONLINE=1 links to the documentation of torch, numpy and scikit-learn, whose indexes it fetches.
docs: $(VENV)/.installed
	OMP_NUM_THREADS=2 $(BIN)/python -m sphinx -q -W --keep-going -d site/doctrees docs site/html
	$(BIN)/python tools/look.py site/html

package: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python tools/package.py

clean:
	rm -rf $(VENV) $(LOWEST) .venv-package dist site docs/examples runs
