#!/usr/bin/env bash
# Before and after on examples/demo: the difference in colour, and a count that is proved rather than claimed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --quiet --locked --release --bin unroot

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/before" "$work/after" "$work/back"
cp examples/demo/platform.yaml "$work/before/"

echo "\$ unroot --config examples/demo/unroot.yaml < examples/demo/platform.yaml"
target/release/unroot --config examples/demo/unroot.yaml <examples/demo/platform.yaml >"$work/after/platform.yaml"

# git, because everyone who has this repository has it. The user's own settings must not change what is counted.
colour=never
[[ -t 1 && -z ${NO_COLOR:-} ]] && colour=always
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
difference() {
    git -C "$work" diff --no-index "$@" before/platform.yaml after/platform.yaml || [[ $? == 1 ]]
}
echo
# The objects that come new stand at the end: their names are in the messages above, their text is not for a screen.
difference --color=$colour --unified=1 | tail -n +5 | awk '
    { plain = $0; gsub(/\033\[[0-9;]*m/, "", plain) }
    plain == "+---" { new = 1 }
    new { if (plain ~ /^\+kind: /) objects++; lines++; next }
    { print }
    END { if (objects) printf "… and %d new objects in %d lines\n", objects, lines }'
difference --unified=0 >"$work/patch"

# Taking the difference back gives the input, byte for byte, so nothing else can have changed.
cp "$work/after/platform.yaml" "$work/back/"
git -C "$work/back" apply --reverse --unidiff-zero -p2 ../patch
cmp "$work/before/platform.yaml" "$work/back/platform.yaml"

[[ -s $work/patch ]] || { echo "error: nothing has changed" >&2; exit 1; }
# One line of each sign names a file.
added=$(($(grep --count '^+' "$work/patch") - 1))
removed=$(($(grep --count '^-' "$work/patch") - 1))
echo
echo "$((added > removed ? added : removed)) lines changed, all other bytes identical"
