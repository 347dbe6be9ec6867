#!/usr/bin/env bash
# Writes what the static binary is made of, as CycloneDX, by cargo-cyclonedx; without the folders and the day of this machine.
#     scripts/sbom.sh FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
trap 'rm -f unroot.cdx.json wasm/*/unroot.cdx.json' EXIT
# Both architectures are made of the same.
bin/cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --override-filename unroot.cdx \
    --target x86_64-unknown-linux-musl --no-build-deps
sed "s|path+file://$PWD|path+file:///unroot|g" unroot.cdx.json >"$1"
