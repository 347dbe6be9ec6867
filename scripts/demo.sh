#!/usr/bin/env bash
# Before and after on examples/demo: what the namespaces meet, the difference in colour, a count that is proved rather than
# claimed, what they meet then, and the one pod that no level but privileged admits.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --quiet --locked --release --bin unroot

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/before" "$work/after" "$work/back"
cp examples/demo/platform.yaml "$work/before/"

# The strictest level that each namespace meets by mode; why, the whole plan says.
matrix() { awk '/^namespace / { on = 1 } on && !NF { exit } on { print "  " $0 }' <<<"$1"; }

echo "\$ unroot plan examples/demo/platform.yaml"
matrix "$(target/release/unroot plan examples/demo/platform.yaml 2>/dev/null)"
echo
echo "\$ unroot --config examples/demo/unroot.yaml < examples/demo/platform.yaml"
target/release/unroot --config examples/demo/unroot.yaml <examples/demo/platform.yaml >"$work/after/platform.yaml" 2>"$work/said" ||
    { cat "$work/said" >&2; exit 1; }
# What was done is the difference below; what somebody should look at is said here.
grep --invert-match '^\[info\]' "$work/said"

# git, because everyone who has this repository has it. The user's own settings must not change what is counted.
colour=never
[[ -t 1 && -z ${NO_COLOR:-} ]] && colour=always
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
difference() {
    git -C "$work" diff --no-index "$@" before/platform.yaml after/platform.yaml || [[ $? == 1 ]]
}
echo
# The objects that come new stand at the end: their text is not for a screen.
difference --color=$colour --unified=1 | tail -n +5 | awk '
    { plain = $0; gsub(/\033\[[0-9;]*m/, "", plain) }
    plain == "+---" { new = 1 }
    new { if (plain ~ /^\+kind: /) { objects++; kinds = kinds (kinds ? ", " : "") substr(plain, 8) } lines++; next }
    { print }
    END { if (objects) printf "… and %d new objects in %d lines: %s\n", objects, lines, kinds }'
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
echo
echo "\$ unroot plan labelled.yaml"
matrix "$(target/release/unroot plan "$work/after/platform.yaml" 2>/dev/null)"
echo
echo "\$ unroot check labelled.yaml"
# It ends with 1: one pod is refused, and that is the point.
cp "$work/after/platform.yaml" "$work/labelled.yaml"
{ (cd "$work" && exec "$OLDPWD/target/release/unroot" check labelled.yaml 2>/dev/null) || [[ $? == 1 ]]; } |
    awk '/^namespace builds,/ { on = 1 } on && !NF { exit } on { print "  " $0 }'
