#!/usr/bin/env bash
# Builds the container image with podman, else buildah, else docker.
#     scripts/image.sh IMAGE [PLATFORM]        PLATFORM is linux/amd64 or linux/arm64, the machine's own where absent
# PROFILE is Cargo's profile, release where absent.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
image=$1
profile=${PROFILE:-release}
platform=${2:-linux/$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')}

case $platform in
    linux/amd64) target=x86_64-unknown-linux-musl ;;
    linux/arm64) target=aarch64-unknown-linux-musl ;;
    *) echo "error: no image for $platform: linux/amd64 and linux/arm64 are built" >&2; exit 1 ;;
esac
for builder in podman buildah docker none; do
    command -v "$builder" >/dev/null && break
done
[[ $builder != none ]] || { echo "error: none of podman, buildah and docker found" >&2; exit 1; }

if command -v rustup >/dev/null && ! rustup target list --installed | grep --quiet "^$target$"; then
    rustup target add "$target"
fi
cargo build --quiet --locked --profile "$profile" --bin unroot --target "$target"

# The context is the image's root.
context=target/image/${platform#linux/}
rm -rf "$context"
install -D --mode 0755 "target/$target/$profile/unroot" "$context/unroot"
install -d --mode 0755 "$context/etc"
echo "nobody:x:65534:65534:nobody:/:/unroot" >"$context/etc/passwd"

# The licence of everything that is linked in, as the crates bring it; Rust's own covers its C library.
licences=$context/licenses
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
chmod 0644 "$context/etc/passwd"

# Nothing is pulled; and the same sources make the same image, whatever the day.
case $builder in
    podman | buildah) options=(--pull=never --timestamp 0 --layers=false) ;;
    docker) options=(--pull=false --network none) ;;
esac
"$builder" build "${options[@]}" --quiet --platform "$platform" --tag "$image" --file Containerfile "$context" >/dev/null
echo "$image ($platform, built by $builder)"
