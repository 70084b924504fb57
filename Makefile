# One virtual environment serves both targets. Torch comes first, by itself, so that one can say
# where from: on Linux PyPI's build brings gigabytes of CUDA libraries, and
#     make run TORCH_INDEX=https://download.pytorch.org/whl/cpu
# takes the one for machines without an NVIDIA GPU.
TORCH_INDEX ?=
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export WANDB_ERROR_REPORTING ?= false
export OMP_WAIT_POLICY ?= passive

.PHONY: run test lint types tests portable proofs mutants bench gpu clean

run: $(VENV)/.run  ## train DQN on CartPole-v1
	$(BIN)/lab run dqn --env CartPole-v1

test: lint types tests  ## everything that CI runs

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.test
	$(BIN)/mypy

tests: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

portable: $(VENV)/.test  ## the tests as other CPUs compute: narrower vectors, threads, another order of sums
	ATEN_CPU_CAPABILITY=default $(BIN)/python -m pytest -n 2 --dist loadgroup
	ATEN_CPU_CAPABILITY=avx2 $(BIN)/python -m pytest -n 2 --dist loadgroup
	OMP_NUM_THREADS=2 $(BIN)/python -m pytest -n 2 --dist loadgroup -p rounding

proofs: $(VENV)/.test  ## the long tests: kills at random moments, signals, compiled updates
	$(BIN)/python -m pytest -m slow

mutants: $(VENV)/.test  ## what the tests notice of faults that are planted; takes long, and goes on where it stopped
	$(BIN)/python -m tests.mutants

bench: $(VENV)/.test  ## measured figures, beside stable-baselines3
	$(BIN)/python -m benchmarks.dqn
	$(BIN)/python -m benchmarks.pg
	$(BIN)/python -m benchmarks.pqn
	$(BIN)/python -m benchmarks.plugins
	$(BIN)/python -m benchmarks.comparison
	$(BIN)/python -m benchmarks.tracking
	$(BIN)/python -m benchmarks.uploads
	$(BIN)/python -m benchmarks.supervised
	$(BIN)/python -m benchmarks.capsnet
	$(BIN)/python -m benchmarks.seq2seq
	$(BIN)/python -m benchmarks.generative
	$(BIN)/python -m benchmarks.sequences
	$(BIN)/python -m benchmarks.language
	$(BIN)/python -m benchmarks.transformer
	$(BIN)/python -m benchmarks.rntn
	$(BIN)/python -m benchmarks.newcomer
	$(BIN)/python -m benchmarks.own_data
	$(BIN)/python -m benchmarks.large_csv

gpu: $(VENV)/.run  ## on a machine with a CUDA device: what the tests prove, and rates, in 8 minutes
	$(BIN)/python -m benchmarks.gpu

$(VENV)/.run: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt torch $(addprefix --index-url ,$(TORCH_INDEX))
	$(PIP) install -q -c constraints.txt -e .
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt torch $(addprefix --index-url ,$(TORCH_INDEX))
	$(PIP) install -q -c constraints.txt -e '.[test]'
	touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
