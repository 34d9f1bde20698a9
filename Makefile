# Two commands matter: `make demo` shows the complete tour on your machine, `make test` runs the tests.
.DEFAULT_GOAL := help
.PHONY: help setup demo check test bench desktop

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

setup: ## Install missing tools: PostgreSQL, a C compiler, zstd, age (Debian; as root or with sudo)
	@.ci/setup

demo: ## Back up and restore a real database on this machine; SOURCE=postgres://… or FILE=dump for your own, MB=… for the size
	@.ci/setup demo
	@cargo build --locked --release --quiet -p metadata-api -p sealkeep-cli -p e2e --bins
	@eval "$$(.ci/programs release)" && "$$DEMO_BIN"

test: ## The tests; SLOW=1 adds what only CI runs each time: slow stories, packages, the real window; LONG=1 also adds fuzzing, Garage, 20 GB, ten million chunks, 200 histories of lies, a longer API check, a stranger for 60 s
	@.ci/test

check: ## Before each commit, a minute and a half: formatting, clippy, licenses, front end, tests without a server
	@.ci/test check

bench: ## Compare with restic, Borg and rustic, draw tests/bench/plot.svg; BENCH="--help" lists the options
	@.ci/setup bench
	@cargo build --locked --release --quiet -p metadata-api -p sealkeep-cli -p e2e --bins
	@eval "$$(.ci/programs release)" && "$$BENCH_BIN" --plot tests/bench/plot.svg $(BENCH)

desktop: ## Build the packages of the app and the command (deb and rpm)
	@.ci/setup desktop
	@npm --prefix ui ci && npm --prefix ui run tauri -- build --bundles deb,rpm
