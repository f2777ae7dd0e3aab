# Every target sets up what it needs, only once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ORACLE := .venv-oracle/.ready
RAY := $(VENV)/.ray

.PHONY: help setup demo test test-clients test-programs test-slurm chaos honesty fuzz lint format bench bench-gpu gpu-wheels constraints clean
.DEFAULT_GOAL := help

help:  ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY)  ## Make the environment in .venv (6.5 GB: torch with its CUDA libraries)

$(READY): setup.cfg pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[study,dev]'
	@touch $@

# W&B's own search library, with which tests compare. Without it those tests are skipped.
$(ORACLE): tests/sweeps/oracle-requirements.txt | $(READY)
	@mkdir -p $(@D) && touch $@
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' && $(BIN)/python -m venv $(@D) \
		&& $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $< \
		|| { rm -f $(@D)/bin/python; echo "W&B's sweeps package cannot be installed here: its tests are skipped"; }

demo: $(READY)  ## Run 400 digits runs on the embedded server and write report/
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/demo.sh

# Most tests wait for a server, a client or a browser, so four at a time keep two cores busy.
test: $(READY) $(ORACLE)  ## Run the tests
	@$(BIN)/python -m tests.clients.environments newest
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 4 --dist loadfile

test-clients: $(READY)  ## Test the server with clients from 0.19 to the newest (1.5 GB in .venv-clients)
	@$(BIN)/python -m tests.clients.environments all
	METASWEEP_CLIENTS=all PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -rs tests/clients

test-slurm: $(READY)  ## Test the Slurm side on a real Slurm: as root, with slurmctld and slurmd
	METASWEEP_SLURM=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest tests/cluster/test_slurm.py

# In an environment of its own, since the packages would change the project's.
PROGRAMS := .venv-programs/.ready
$(PROGRAMS): tests/programs/requirements.txt | $(READY)
	$(BIN)/python -m venv --without-pip --clear $(@D)
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/project.pth"
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

test-programs: $(PROGRAMS)  ## Test programs with heavy libraries, and the stock agent (2 GB in .venv-programs)
	PATH="$(CURDIR)/$(<D)/bin:$(CURDIR)/$(BIN):$$PATH" $(<D)/bin/python -m pytest -rs tests/forks/heavy_programs.py

lint: $(READY)  ## Check style, types, the architecture and shell scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files -z '*.sh' .ci/run | xargs -0 $(BIN)/shellcheck

format: $(READY)  ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

chaos: $(READY)  ## Run a sweep through 200 kills (some 10 minutes); far from its server: make chaos OPTIONS=--cloud
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.agent.chaos $(OPTIONS)

fuzz: $(READY)  ## Send a million mutated requests to the server (half an hour and more)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.server.fuzz 1000000

bench: $(RAY)  ## Print the side-by-side tables, or make bench PART='server report'
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks $(PART)

# For the machine with the GPU, whose Python has torch. Other packages come from build/wheels.
GPU_PACKAGES := build/gpu-packages
bench-gpu:  ## Check everything that needs a GPU, in 8 minutes, with the torch that is installed
	@test ! -d build/wheels || test -d $(GPU_PACKAGES) || $(PYTHON) -m pip install --quiet --no-index --no-deps \
		--disable-pip-version-check --target $(GPU_PACKAGES) build/wheels/*.whl
	PATH="$(CURDIR)/$(GPU_PACKAGES)/bin:$$PATH" PYTHONPATH="$(CURDIR):$(CURDIR)/$(GPU_PACKAGES)" \
		$(PYTHON) -m benchmarks.gpu --data-dir "$${METASWEEP_MNIST:-data}"

gpu-wheels:  ## Download what bench-gpu needs on a machine without a package index (34 MB in build/wheels)
	PYTHON=$(PYTHON) scripts/gpu-wheels.sh

# Ray, for comparison in the bench. Without it the bench says so and leaves it out.
$(RAY): setup.cfg | $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]' \
		|| echo "Ray cannot be installed here: the bench leaves it out"
	@touch $@

honesty: $(READY)  ## Measure how often the report is right, on simulated studies (minutes)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.report.honesty

constraints:  ## Resolve constraints.txt again from setup.cfg (needs uv)
	scripts/constraints.sh

# Results stay: the embedded server's data (.metasweep), records that were never sent (wandb, logs), checkpoints, report.
clean:  ## Remove the environments and what was built; results stay
	rm -rf $(VENV) .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
