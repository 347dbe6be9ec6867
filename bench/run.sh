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
# Isolated and without site packages: a small process is what makes the peaks right.
exec python3 -I -S bench/whole_process.py "$@"
