# Everything is installed into .venv; a second call installs nothing again.
# PYTHON=python3.12 chooses another Python (3.11 or newer).

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
WITH_DISPLAY := tools/with_display.sh

# Hundreds of processes that the tests start would each compile the program anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint format bench docs wheel screenshots libraries clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED) libraries ## the whole loop on the built-in sample; without a display, a report in demo-output/
	@if tools/has_display.sh; then $(BIN)/napari-emseg demo; \
	else $(WITH_DISPLAY) $(BIN)/napari-emseg demo --headless --output demo-output; fi

test: $(INSTALLED) libraries ## all tests; with ARGS="tests/io -k tiff" some of them
	@$(if $(ARGS),$(WITH_DISPLAY) $(BIN)/pytest $(ARGS),tools/run_tests.sh $(BIN)/pytest)

lint: $(INSTALLED) ## ruff, mypy, typos and the plugin manifest
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/typos
	$(BIN)/npe2 validate src/napari_emseg/napari.yaml

format: $(INSTALLED) ## mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED) libraries ## measure every figure of the README; results in bench-output/
	@mkdir -p bench-output; set -e; for script in benchmarks/[a-z]*.py; do \
		echo "== $$script"; $(WITH_DISPLAY) $(BIN)/python $$script | tee bench-output/$$(basename $$script .py).txt; done

docs: $(INSTALLED) ## check that every link and picture of the documentation is there
	$(BIN)/python tools/check_links.py

wheel: $(INSTALLED) ## build the wheel and see that it works by itself
	@$(BIN)/python tools/check_wheel.py

screenshots: $(INSTALLED) libraries ## make the pictures of the README and the guide anew
	@$(WITH_DISPLAY) $(BIN)/python docs/screenshots.py
	@$(WITH_DISPLAY) $(BIN)/python docs/loop_film.py

$(INSTALLED): pyproject.toml constraints.txt tools/install.sh
	@tools/install.sh "$(PYTHON)"
	@touch $@

libraries: $(INSTALLED) ## system libraries that Qt and OpenGL need (Linux)
	@tools/system_libraries.sh

clean: ## remove what was installed and made
	rm -rf .venv demo-output bench-output .mypy_cache .ruff_cache .pytest_cache
