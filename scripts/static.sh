#!/usr/bin/env bash
# Builds the static binary for Linux and prints where it is. The same sources give the same bytes
# in whatever folder.
#     scripts/static.sh amd64|arm64 [PROFILE]        PROFILE is Cargo's, release where absent
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
profile=${2:-release}
case $1 in
    amd64) target=x86_64-unknown-linux-musl ;;
    arm64) target=aarch64-unknown-linux-musl ;;
    *) echo "error: no static binary for $1: amd64 and arm64 are built" >&2; exit 1 ;;
esac
if command -v rustup >/dev/null && ! rustup target list --installed | grep --quiet "^$target$"; then
    rustup target add "$target" >&2
fi
scripts/build.sh "$target" --profile "$profile" --bin unroot >&2
echo "${CARGO_TARGET_DIR:-target}/$target/$profile/unroot"
