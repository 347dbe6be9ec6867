#!/usr/bin/env bash
# Looks for texts that break a property, FUZZ_SECONDS (60) for each target.
#     scripts/fuzz.sh [TARGET ...]        all of fuzz/targets where none is named
# What has been found before is where the next run goes on (target/fuzz-corpus). A finding ends the run; its case is in
# target/fuzz-artifacts, and `cargo run --package unroot-fuzz --example replay TARGET FILE` says again what does not hold.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Nothing here is unsafe, so that there is nothing for a sanitizer to find. Without optimisation over crates it is built sooner.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_STRIP=false
targets=("$@")
[[ $# -gt 0 ]] || targets=($(cd fuzz/targets && printf '%s\n' *.rs | sed 's/\.rs$//'))
cargo run --quiet --locked --package unroot-fuzz --no-default-features --features libfuzzer --example corpus target/fuzz-corpus
for target in "${targets[@]}"; do
    mkdir -p "target/fuzz-artifacts/$target"
    echo "fuzzing $target"
    bin/cargo-fuzz fuzz run --sanitizer none --target-dir target/fuzz "$target" "target/fuzz-corpus/$target" -- \
        -max_total_time="${FUZZ_SECONDS:-60}" -max_len=60000 -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="$PWD/target/fuzz-artifacts/$target/" -verbosity=0 -print_final_stats=1
done
