# Everything that is done by hand or by CI. `make` alone lists it; `make test` is the gate and sets up what it needs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# Hosts of our own version come before those of the machine.
export PATH := $(CURDIR)/bin:$(PATH)
# Recorded builds and oracles; a test that lacks them says so, and fails under CI.
export UNROOT_SHARED ?= $(abspath $(CURDIR)/../shared)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: toolchain ## Show before and after on a small platform
	@scripts/demo.sh

.PHONY: test
test: lint ## The gate: lint, all tests, wasm builds and their smoke test
	@cargo test --quiet --locked
	@cargo build --quiet --locked --lib --target wasm32-unknown-unknown
	@cargo build --quiet --locked --bin unroot
	@cargo build --quiet --locked --bin unroot --target wasm32-wasip1
	@scripts/wasi-smoke.sh target/debug/unroot target/wasm32-wasip1/debug/unroot.wasm

.PHONY: lint
lint: tools ## Formatting, clippy, licences, duplicates and sources of dependencies
	@cargo fmt --check
	@cargo clippy --quiet --locked --all-targets -- --deny warnings
	@bin/cargo-deny --all-features --locked --log-level error check --hide-inclusion-graph bans licenses sources

.PHONY: bench
bench: toolchain ## CPU time and memory of whole processes, side by side with Go and cat
	@cargo build --quiet --locked --release --bin unroot
	@bench/run.sh

.PHONY: build
build: toolchain ## The release binary, target/release/unroot
	@cargo build --locked --release --bin unroot

.PHONY: tools
tools: ## Install what the machine lacks
	@scripts/tools.sh

.PHONY: toolchain
toolchain:
	@scripts/tools.sh rust
