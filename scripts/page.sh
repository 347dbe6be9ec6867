#!/usr/bin/env bash
# Makes the page: static files that any server can hold, in whatever folder.
#     scripts/page.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
page=$1
scripts/build.sh wasm32-unknown-unknown --profile quick --package unroot-web
rm -rf "$page"
mkdir -p "$page"
cp wasm/web/page/* examples/demo/platform.yaml "$page/"
cp LICENSE "$page/LICENSE.txt"
cargo run --quiet --locked --package unroot-bindgen -- target/wasm32-unknown-unknown/quick/unroot_web.wasm "$page"
