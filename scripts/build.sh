#!/usr/bin/env bash
# Builds for a target so that no path of this machine gets in: the same sources give the same bytes in whatever folder, for
# whatever user.
#     scripts/build.sh TARGET [CARGO'S ARGUMENTS ...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=$1
shift
# Flags of the environment would take the place of these, which are added to those of .cargo/config.toml.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
folders="'--remap-path-prefix=$PWD=/unroot', '--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo'"
exec cargo build --quiet --locked --target "$target" --config "target.$target.rustflags=[$folders]" "$@"
