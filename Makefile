# RadBridge. Two commands need nothing but Python 3.11+, git and make: `make run` and `make test`.
# Everything they install stays below .tools/, .venv/ and .cache/ (test servers; Debian's packages where run as root).

PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
ifeq ($(PYTHON),)
$(error RadBridge needs Python 3.11 or newer)
endif
BOOTSTRAP := $(PYTHON) -m tools.bootstrap
UV_RUN := .tools/bin/uv run --no-sync
MUTANTS := services/signing/tests/test_fuzz.py services/signing/tests/service/test_mutants_through_interfaces.py
PYTEST_FLAGS := $(if $(filter true,$(CI)),--require-real-parts)

.DEFAULT_GOAL := help
.PHONY: help run demo test lint requirements bench soak schemas web

help: ## this list
	@echo 'make TARGET [ARGS="…"]   ARGS go to the command behind the target'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: ## install what is missing and start the whole suite in one process, data in ./data  (ARGS="--port 9000")
	@$(BOOTSTRAP) run
	@exec $(UV_RUN) radbridge up --data data $(ARGS)

demo: ## play one exam's whole journey, on the suite that answers or on one of its own
	@$(BOOTSTRAP) run
	@exec $(UV_RUN) radbridge demo $(ARGS)

test: ## install the test servers and run every test  (ARGS="services/mpi")
	@$(BOOTSTRAP) test
	@$(UV_RUN) pytest $(PYTEST_FLAGS) $(ARGS)

lint: ## ruff, pyright, and the rules of who imports whom
	@$(BOOTSTRAP) lint
	@$(UV_RUN) ruff check
	@$(UV_RUN) ruff format --check
	@$(UV_RUN) pyright
	@$(UV_RUN) lint-imports --no-logo

requirements: ## which requirements tests prove, by capability  (ARGS="--missing": with what the others ask)
	@$(BOOTSTRAP) lint
	@$(UV_RUN) python -m tools.requirements_report $(ARGS)

bench: ## measure against peers in the same run, print ratios
	@$(BOOTSTRAP) test
	@$(UV_RUN) python -m benchmarks $(ARGS)

soak: ## the fault tests at full length, 100,000 mutants  (RADBRIDGE_FAULT_SEED=7 or …_FUZZ_SEED plays a failure again)
	@$(BOOTSTRAP) test
	@RADBRIDGE_SOAK=1 RADBRIDGE_FUZZ_COUNT=$${RADBRIDGE_FUZZ_COUNT:-100000} \
		$(UV_RUN) pytest tests/faults $(MUTANTS) --timeout=0 $(ARGS)

schemas: ## write the JSON Schemas and asyncapi.yaml of the events anew
	@$(BOOTSTRAP) lint
	@$(UV_RUN) python -m radbridge.contracts.schemas $(ARGS)

web: ## build the pages into web/dist and bring the viewer into .tools/ohif
	@$(BOOTSTRAP) web
