#!/usr/bin/env bash
# Collects the licence of everything that is linked in, as the crates bring it; Rust's own covers its C library.
#     scripts/licences.sh FOLDER amd64|arm64
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
licences=$1
target=$(sed 's/amd64/x86_64/; s/arm64/aarch64/' <<<"$2")-unknown-linux-musl
install -D --mode 0644 LICENSE "$licences/LICENSE"
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
cargo tree --locked --target "$target" --edges normal,no-proc-macro --prefix none --format '{p}' | sort --unique |
    while read -r name version _; do
        [[ $name == unroot ]] && continue
        find "$sources"/*/"$name-${version#v}" -maxdepth 1 -type f \
            \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' \) |
            while read -r file; do install -D --mode 0644 "$file" "$licences/$name/${file##*/}"; done
        [[ -d $licences/$name ]] || echo "$name ${version#v}: see its Cargo.toml" >>"$licences/without-a-file"
    done
documents=$(rustc --print sysroot)/share/doc/rust
for file in "$documents"/COPYRIGHT-library.html "$documents"/licenses/*; do
    [[ ! -f $file ]] || install -D --mode 0644 "$file" "$licences/rust/${file##*/}"
done
