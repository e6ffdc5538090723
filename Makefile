# Every target sets up what it needs. `make demo` and `make test` work on a fresh clone.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3.11
PORT ?= 8000
SEED ?= 1
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CHECKPOINT := tiny_llava/checkpoint

# PyTorch's CPU build, from wherever pip finds it; a plain "torch" could bring gigabytes of CUDA.
TORCH := torch==2.13.0+cpu
TORCHVISION := torchvision==0.28.0+cpu
TORCH_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: help demo experiment dqn-reference test test-fast check serve serve-ray tiny-llava accuracy rubric-table audit audit-validity faults soak compose-test bench bench-agent bench-memory seven scale-bench docs version dist clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/installed: requirements/cpu.txt pyproject.toml agent/pyproject.toml tiny_llava/pyproject.toml
	@case "$$(pwd -P)" in *[[:space:]]*) echo "make: the path of this folder holds a space, at which the compiler's command" \
		"breaks that vLLM runs at start; move the folder"; exit 1;; esac
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is needed; name another with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "make: $(PYTHON) is not Python 3.11, which the pinned packages need"; exit 1; }
	@command -v g++ >/dev/null || { echo "make: g++ is needed; vLLM compiles its model's code with it at start"; exit 1; }
	@$(PYTHON) -c 'import ctypes; ctypes.CDLL("libnuma.so.1")' 2>/dev/null || \
		{ echo "make: libnuma is needed (Debian: apt-get install libnuma1); vLLM's CPU operators load it"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --no-deps "$(TORCH)" 2>/dev/null || \
		$(PIP) install --quiet --no-deps --index-url $(TORCH_INDEX) "$(TORCH)" "$(TORCHVISION)"
	$(PIP) install --quiet --no-deps -r requirements/cpu.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	$(PIP) install --quiet --no-deps --no-build-isolation --editable ./agent --editable ./tiny_llava
	@touch $@

demo: $(VENV)/installed ## train a DQN on a real VLM's rewards, on the CPU; writes runs/demo
	@$(BIN)/reward-agent demo --port $(PORT) --seed $(SEED)

# MountainCar first: its runs are few. A command that did not finish in its minutes ends make; the next call goes on.
experiment: $(VENV)/installed ## does this VLM's reward teach? stops after 45 min and goes on when called again
	@$(BIN)/reward-agent experiment --name mountain-car --tasks MountainCar-v0 --rubric mountaincar-height \
		--checkpoint $(CHECKPOINT) --port $(PORT) --max-minutes 12 --env-steps 15000 --seeds-without-server 5
	@$(BIN)/reward-agent experiment --name mountain-car-distance --tasks MountainCar-v0 --arms vlm \
		--rubric mountaincar-distance --checkpoint $(CHECKPOINT) --port $(PORT) --max-minutes 6 --env-steps 15000
	@$(BIN)/reward-agent experiment --name experiment --checkpoint $(CHECKPOINT) --port $(PORT) --max-minutes 25 \
		--env-steps 5000 --epsilon-decay-steps 4000

# Hyperparameters: rl-baselines3-zoo, hyperparams/dqn.yml, CartPole-v1. Stable-Baselines3 copies its target network
# between rounds of learning (target_update_interval 10 < train_freq 256): once for each 128 gradient steps.
dqn-reference: $(VENV)/installed ## our DQN on the environment's own reward, with rl-baselines3-zoo's hyperparameters
	@$(BIN)/reward-agent experiment --name dqn-reference --arms env --tasks CartPole-v1 --seeds-without-server 5 --env-steps 50000 \
		--learning-rate 2.3e-3 --learning-rate-decay none --batch-size 64 --replay-size 100000 \
		--learning-starts 1000 --discount 0.99 --no-double --target-rate 1 --target-every 128 \
		--act-with online --no-scale-observations --chunk-steps 256 --gradient-steps 128 \
		--epsilon-end 0.04 --epsilon-decay-steps 8000 --eval-every 2560

# What one example needs and nothing else does: 68 MB. Its test is skipped, with the reason, where they cannot be had;
# so is that of the documentation's site without its environment.
$(VENV)/rllib: $(VENV)/installed requirements/rllib.txt
	-$(PIP) install --quiet --no-deps -r requirements/rllib.txt && touch $@

test: $(VENV)/rllib ## the whole test-suite, real vLLM included
	-@$(MAKE) --no-print-directory .venv-docs/installed
	$(BIN)/python -m pytest --durations=20

test-fast: $(VENV)/installed ## what needs no engine and few seconds: the loop of daily work
	$(BIN)/python -m pytest -m "not vllm and not slow" --durations=20

check: $(VENV)/installed ## ruff, mypy strict, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

serve: $(VENV)/installed ## the reward server alone, on the shipped checkpoint and the CPU; asks in a browser too: /playground
	@$(BIN)/reward-server --model $(CHECKPOINT) --dtype float32 --port $(PORT) --playground

serve-ray: $(VENV)/installed ## the same under Ray Serve, one or two replicas as the load asks
	@RAY_USAGE_STATS_ENABLED=0 RAY_worker_niceness=0 $(BIN)/serve run deploy/ray/local.yaml

tiny-llava: $(VENV)/installed ## train the shipped checkpoint again and measure it
	@# glibc would hand every large tensor back to the kernel; keeping them saves a fifth of the time.
	MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=8589934592 $(BIN)/python -m tiny_llava.train cartpole
	MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=8589934592 $(BIN)/python -m tiny_llava.train games
	$(MAKE) accuracy

accuracy: $(VENV)/installed ## measure the shipped checkpoint through the server, in bfloat16
	$(BIN)/python -m tiny_llava.report.accuracy

rubric-table: $(VENV)/installed ## measure every shipped rubric; writes docs/rubric-accuracy.md
	$(BIN)/python -m tiny_llava.report.rubric_table

audit: $(VENV)/installed ## can the shipped checkpoint's rewards be trusted? beside a twin with random weights; writes runs/audit
	@$(BIN)/python -m benchmarks.audit_shipped --port $(PORT)

audit-validity: $(VENV)/installed ## does the audit's verdict predict learning? writes docs/audit-validity.md
	@$(BIN)/python -m benchmarks.audit_validity

faults: $(VENV)/installed ## break the server in every way we know; prints a table
	$(BIN)/python -m tests.faults

MINUTES ?= 20
soak: $(VENV)/installed ## rough use for MINUTES=20; prints what leaked, what was lost
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

bench: $(VENV)/installed ## every way to get a reward, side by side: ratios, plots; writes docs/performance.md (25 min, quiet machine)
	$(BIN)/python -m benchmarks.bench --plots

bench-agent: $(VENV)/installed ## the agent's steps/s with rewards, waiting for each, and without; writes docs/performance.md
	$(BIN)/python -m benchmarks.bench agent

bench-memory: $(VENV)/installed ## memory over 100,000 frames; writes docs/performance.md
	$(BIN)/python -m benchmarks.bench memory

seven: $(VENV)/installed ## LLaVA-1.5-7B's dimensions behind the server, on a CPU (19 GB, 20 min); writes docs/performance.md, docs/models.md
	@$(BIN)/python -m benchmarks.seven

scale-bench: $(VENV)/installed ## frames/s against replicas, through HAProxy and Ray Serve; engines are stand-ins
	$(BIN)/python -m benchmarks.scale

compose-test: $(VENV)/installed ## build the images and drive the Compose stack on a local Docker Engine
	$(BIN)/python -m tests.compose_stack

.venv-docs/installed: requirements/docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -r requirements/docs.txt
	@touch $@

docs: .venv-docs/installed ## build the documentation's site, strictly; writes site/index.html
	@.venv-docs/bin/python -m docs.build_site

DIST_TOOLS := build/dist-tools
# The files that state the version; tests/release/ holds them to each other.
VERSIONED := reward_client/version.py pyproject.toml agent/pyproject.toml tiny_llava/pyproject.toml Dockerfile.agent \
	Dockerfile.server docker-compose.yml docker-compose.cpu.yml deploy/compose/base.yml deploy/ray/rayservice.yaml \
	docs/scaling.md tests/reward_server/api/openapi.json

version: ## state another version everywhere: make version VERSION=0.2.0
	@test -n "$(VERSION)" || { echo "make: name the version: make version VERSION=0.2.0"; exit 1; }
	old=$$(sed -n 's/^__version__ = "\(.*\)"$$/\1/p' reward_client/version.py) && \
		sed -i "s/$${old//./\\.}/$(VERSION)/g" $(VERSIONED)

dist: ## build wheels and source distributions and check them; writes dist/
	rm -rf dist $(DIST_TOOLS)
	$(PYTHON) -m venv $(DIST_TOOLS)
	$(DIST_TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet build==1.6.1 twine==7.0.0
	for folder in . agent tiny_llava; do $(DIST_TOOLS)/bin/python -m build --outdir dist $$folder >/dev/null; done
	rm -rf *.egg-info agent/*.egg-info tiny_llava/*.egg-info
	$(DIST_TOOLS)/bin/twine check --strict dist/*

clean: ## remove the environment and caches; runs stay
	rm -rf $(VENV) .venv-docs dist build site .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info agent/*.egg-info tiny_llava/*.egg-info
