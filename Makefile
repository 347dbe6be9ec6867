# Everything that is done by hand or by CI. `make` alone lists it; `make test` is the gate and sets up what it needs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# Hosts of our own version come before those of the machine.
export PATH := $(CURDIR)/bin:$(PATH)
# Recorded builds and oracles; a test that lacks them says so, and fails under CI.
export UNROOT_SHARED ?= $(abspath $(CURDIR)/../shared)

# Where the artefacts go, and where their tests look for them.
DIST := dist
IMAGE ?= localhost/unroot:dev
PLATFORM ?= linux/$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: toolchain ## Show before and after on a small platform
	@scripts/demo.sh

.PHONY: test
test: lint wasm page $(if $(shell command -v npm),npm) ## The gate: lint, all tests, every artefact in its host
	@image=$$(scripts/image-for-tests.sh) && UNROOT_DIST=$(DIST) UNROOT_IMAGE=$$image cargo test --quiet --locked

.PHONY: lint
lint: tools ## Formatting, clippy, licences, duplicates and sources of dependencies
	@cargo fmt --all --check
	@cargo clippy --quiet --locked --all-targets -- --deny warnings
	@cargo clippy --quiet --locked --package unroot-bindgen -- --deny warnings
	@cargo clippy --quiet --locked --profile quick --package unroot-kpt --package unroot-web --target wasm32-unknown-unknown -- --deny warnings
	@bin/cargo-deny --all-features --locked --log-level error check --hide-inclusion-graph bans licenses sources

.PHONY: bench
bench: toolchain wasm ## CPU time and memory of whole processes, side by side with Go, WASI and cat
	@scripts/tools.sh bench
	@cargo build --quiet --locked --release --bin unroot
	@bench/run.sh

.PHONY: fuzz
fuzz: toolchain ## Look for texts that break a property, FUZZ_SECONDS (60) for each target of fuzz/
	@scripts/tools.sh fuzz
	@scripts/fuzz.sh

.PHONY: build
build: toolchain ## The release binary, target/release/unroot
	@cargo build --locked --release --bin unroot

.PHONY: wasm
wasm: toolchain ## The WebAssembly forms, dist/unroot.wasm (WASI) and dist/unroot-kpt.wasm (kpt)
	@scripts/build.sh wasm32-wasip1 --profile quick --bin unroot
	@scripts/build.sh wasm32-unknown-unknown --profile quick --package unroot-kpt
	@mkdir -p $(DIST)
	@cp target/wasm32-wasip1/quick/unroot.wasm $(DIST)/unroot.wasm
	@cp target/wasm32-unknown-unknown/quick/unroot_kpt.wasm $(DIST)/unroot-kpt.wasm

.PHONY: page
page: toolchain ## The page that runs unroot in a browser, dist/page: static files for any server
	@scripts/page.sh $(DIST)/page

.PHONY: npm
npm: wasm ## The npm package around the WASI form, dist/unroot-VERSION.tgz
	@scripts/npm.sh $(DIST)

.PHONY: image
image: toolchain ## The container image localhost/unroot:dev; IMAGE= and PLATFORM=linux/arm64 say otherwise
	@scripts/image.sh "$(IMAGE)" "$(PLATFORM)"

.PHONY: dist
dist: toolchain npm page ## What a release consists of, dist/release: archives for amd64 and arm64, SBOM, checksums
	@scripts/tools.sh release
	@scripts/dist.sh

.PHONY: reproducible
reproducible: ## Make the release of the last commit twice, in two folders, and compare the bytes
	@scripts/reproducible.sh

.PHONY: tools
tools: ## Install what the machine lacks
	@scripts/tools.sh

.PHONY: toolchain
toolchain:
	@scripts/tools.sh rust
