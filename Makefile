# Everything works on a machine that has only Python (3.11 to 3.13) and make: each target makes its own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Images beyond scikit-learn's digits are found here where the folder exists.
DATA := $(wildcard ../shared/data)
export TFVAE_DATA ?= $(if $(DATA),$(abspath $(DATA)))
export TF_CPP_MIN_LOG_LEVEL ?= 3
export KERAS_BACKEND := tensorflow

.PHONY: demo test test-slow lint docs bench clean

$(READY): requirements.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY)
	$(BIN)/tfvae run gaussian-mixture-demo --out runs/demo/gaussian-mixture --overwrite
	$(BIN)/tfvae fit digits --epochs 60 --out runs/demo/digits --overwrite
	$(BIN)/tfvae fit customers --epochs 60 --out runs/demo/customers --overwrite
	@echo "Reports: runs/demo/{gaussian-mixture,digits,customers}/report.html"
	@echo "Next: $(BIN)/tfvae explore runs/demo/digits, $(BIN)/tfvae fit YOUR.csv, or $(BIN)/tfvae list"

test: $(READY)
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist worksteal

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "The site: docs/_build/html/index.html"

bench: $(READY)
	$(BIN)/python benchmarks/fit_speed.py
	$(BIN)/python benchmarks/likelihood_speed.py --whole
	$(BIN)/python benchmarks/haplotypes.py

clean:
	rm -rf $(VENV) runs build docs/_build docs/api docs/notebooks docs/gallery *.egg-info
