#!/usr/bin/env bash
# The WASI command does what the native one does: same bytes on both streams, same exit code.
#     scripts/wasi-smoke.sh NATIVE WASM
set -euo pipefail
native=$(realpath "$1")
wasm=$(realpath "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v node >/dev/null || { echo "skipped: node not found, the WASI command was built but not run"; exit 0; }

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0

# same EXIT-CODE INPUT ARGUMENT...
same() {
    local expected=$1 input=$2 native_code=0 wasm_code=0
    shift 2
    "$native" "$@" <"$input" >"$out/native" 2>"$out/native.err" || native_code=$?
    node --no-warnings scripts/run-wasi.mjs "$wasm" "$@" <"$input" >"$out/wasm" 2>"$out/wasm.err" || wasm_code=$?
    if [[ $native_code != "$expected" || $wasm_code != "$expected" ]]; then
        echo "error: unroot $* <$input: exit code $native_code natively, $wasm_code under WASI, must be $expected" >&2
        cat "$out/wasm.err" >&2
        exit 1
    fi
    cmp "$out/native" "$out/wasm"
    cmp "$out/native.err" "$out/wasm.err"
    passed=$((passed + 1))
}

platform=examples/demo/platform.yaml
same 0 "$platform" --config examples/demo/unroot.yaml
cmp --silent "$out/wasm" "$platform" && { echo "error: the filter changed nothing in $platform" >&2; exit 1; }
same 1 "$platform" enforce=baseline
same 0 "$platform" warn=restricted
same 2 "$platform" enforce=lax
same 2 "$platform"
same 2 /dev/null enforce=baseline
same 0 /dev/null --version
same 0 /dev/null --help

echo "wasm32-wasip1 under Node $(node --version): $passed passed, 0 failed"
