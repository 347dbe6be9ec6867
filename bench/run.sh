#!/usr/bin/env bash
# Builds the Go yardsticks where Go is there, and measures. Arguments go to whole_process.py.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v python3 >/dev/null || { echo "error: python3 not found: it starts and times the processes" >&2; exit 1; }
mkdir -p target/bench
if command -v go >/dev/null; then
    go -C bench build -trimpath -o "$PWD/target/bench/" ./...
else
    echo "go not found: nothing to compare with but cat" >&2
fi
# What people run is the static binary of a release, with another allocator than the one that `cargo build` gives.
case $(uname -sm) in
    "Linux x86_64") UNROOT_STATIC=$PWD/$(scripts/static.sh amd64) ;;
    "Linux aarch64") UNROOT_STATIC=$PWD/$(scripts/static.sh arm64) ;;
esac
export UNROOT_STATIC=${UNROOT_STATIC:-}
# Isolated and without site packages: a small process is what makes the peaks right.
exec python3 -I -S bench/whole_process.py "$@"
