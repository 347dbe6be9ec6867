#!/usr/bin/env bash
# Packs the npm package, dist/unroot-VERSION.tgz, around the module that `make wasm` has built.
#     scripts/npm.sh [FOLDER]        the folder with unroot.wasm, and where the package goes; dist where absent
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dist=${1:-dist}
package=target/npm
rm -rf "$package"
mkdir -p "$package"
cp LICENSE fn-config/unroot.schema.json wasm/npm/* "$dist/unroot.wasm" "$package/"
chmod 0644 "$package"/*
chmod 0755 "$package/unroot.mjs"
npm pack --silent --offline --ignore-scripts --pack-destination "$dist" "./$package" >/dev/null
