#!/usr/bin/env bash
# Makes the release of the last commit in two fresh clones, in folders of different names and lengths, and compares: every
# file must have the same bytes. Some minutes for each, since everything is built anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for clone in "$work/one" "$work/somewhere/else/two"; do
    git clone --quiet . "$clone"
    # The tools, which are no part of what is compared.
    [[ ! -d bin ]] || ln -s "$PWD/bin" "$clone/bin"
    (cd "$clone" && make dist >/dev/null)
done
cd "$work"
diff <(cd one/dist/release && sha256sum -- *) <(cd somewhere/else/two/dist/release && sha256sum -- *) ||
    { echo "error: two builds of the same commit differ" >&2; exit 1; }
echo "the same bytes twice:"
cat one/dist/release/SHA256SUMS
