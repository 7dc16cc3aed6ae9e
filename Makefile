# make run     an origin and a live test picture in it; prints what to open
# make test    everything that CI does: lint, types, layers, tests, real encoders, a real browser
# make lint | unit | e2e | cover        parts of it
# make players | bench | soak           what takes minutes, or more than an hour: players
# make watch                            our own player for ten minutes, glass to glass
# make wheel                            dist/sorgente-….whl, to install elsewhere
#
# The first use of any of them sets up .venv; nothing else is needed than make and Python 3.11.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# A worker for players and other real programs, one for the rest, which gives way (tests/conftest.py).
BESIDE := -n 2

.PHONY: run test lint unit e2e players watch cover bench soak wheel lock clean browser

run: $(READY)
	@exec $(BIN)/sorgente demo

test: lint browser
	$(BIN)/pytest $(BESIDE) -m "not minutes"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(READY)
	$(BIN)/pytest $(BESIDE) -m "not e2e"

e2e: $(READY) browser
	$(BIN)/pytest $(BESIDE) -m "e2e and not minutes"

players: $(READY) browser
	SORGENTE_MEASUREMENTS=measurements.jsonl $(BIN)/pytest -s -m "players or minutes"

# Our own player, SECONDS long: nothing else should run.
watch: SECONDS ?= 600
watch: $(READY) browser
	SORGENTE_WATCH_SECONDS=$(SECONDS) SORGENTE_MEASUREMENTS=measurements.jsonl \
		$(BIN)/pytest -s tests/e2e/test_watch.py -k in_time_for_long

cover: $(READY)
	$(BIN)/pytest -m "not e2e" --cov --cov-report=term-missing

bench: $(READY)
	$(BIN)/python benchmarks/run.py $(SCENARIOS)

soak: $(READY)
	$(BIN)/python scripts/soak.py

# With the players of the watch page in it, if npm is there. Only the newest stays.
wheel: $(READY)
	@rm -f dist/sorgente-*.whl
	@scripts/players
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@echo dist/sorgente-*.whl

# Chromium, npm and curl, for the tests that use them: through apt where that is possible.
browser: $(READY)
	@scripts/set_up tools

$(READY): pyproject.toml requirements/dev.txt scripts/set_up
	@PYTHON=$(PYTHON) scripts/set_up venv
	@touch $@

# Pin the newest versions that pyproject.toml allows; the same for the image, by the hashes of their files.
lock: PIN := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --constraint requirements/dev.txt
lock:
	rm -rf .venv/lock
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet '.[dev]'
	echo '# Every tool of `make test`, pinned. Made by: make lock' > requirements/dev.txt
	.venv/lock/bin/pip freeze --exclude sorgente >> requirements/dev.txt
	.venv/lock/bin/pip install --quiet uv
	.venv/lock/bin/$(PIN) pyproject.toml --output-file requirements/image/origin.txt
	echo imageio-ffmpeg | .venv/lock/bin/$(PIN) - --output-file requirements/image/ffmpeg.txt
	echo hatchling | .venv/lock/bin/$(PIN) - --output-file requirements/image/build.txt
	rm -rf .venv/lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
