#!/usr/bin/env bash
# Makes what a release consists of, in dist/release; `make npm` and `make page` have built their parts.
# The same commit gives the same bytes, in whatever folder and on whatever day.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(cargo pkgid --package unroot | sed 's/.*[#@]//')
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
release=dist/release
rm -rf "$release"
mkdir -p "$release"

for architecture in amd64 arm64; do
    binary=$(scripts/static.sh "$architecture")
    content=target/release-archive/$architecture
    rm -rf "$content"
    install -D --mode 0755 "$binary" "$content/unroot"
    install --mode 0644 LICENSE README.md CHANGELOG.md "$content/"
    scripts/licences.sh "$content/licenses" "$architecture"
    cargo run --quiet --locked --example man "$content/man/man1"
    mkdir "$content/completions"
    for shell in bash zsh fish powershell elvish; do
        cargo run --quiet --locked -- completions "$shell" >"$content/completions/unroot.$shell"
    done
    archive=$release/unroot-$version-linux-$architecture.tar.gz
    tar --create --directory "$content" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --mode=u=rwX,go=rX --format=ustar . | gzip --no-name --best >"$archive"
done

tar --create --directory dist/page --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --format=ustar . | gzip --no-name --best >"$release/unroot-$version-page.tar.gz"
install --mode 0644 fn-config/unroot.schema.json fn-config/krm-function-definition.yaml dist/unroot.wasm dist/unroot-kpt.wasm \
    "dist/unroot-$version.tgz" "$release/"
scripts/sbom.sh "$release/unroot.cdx.json"

# An archive's checksum takes the place of the zeros below its address.
awk -v release="$release" '
    /^# The manifest/ { next }
    /^    uri: / { archive = $2; sub(/.*\//, release "/", archive) }
    /^    sha256: / { ("sha256sum " archive) | getline line; $0 = "    sha256: " substr(line, 1, 64) }
    { print }' examples/krew/unroot.yaml >"$release/krew.yaml"
[[ $(grep --count --extended-regexp '^    sha256: [0-9a-f]{64}$' "$release/krew.yaml") == 2 ]] ||
    { echo "error: examples/krew/unroot.yaml does not name the archives" >&2; exit 1; }

(cd "$release" && sha256sum -- *) >target/SHA256SUMS
mv target/SHA256SUMS "$release/SHA256SUMS"
echo "$release:"
cat "$release/SHA256SUMS"
