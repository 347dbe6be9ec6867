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
    linux/amd64 | linux/arm64) architecture=${platform#linux/} ;;
    *) echo "error: no image for $platform: linux/amd64 and linux/arm64 are built" >&2; exit 1 ;;
esac
for builder in podman buildah docker none; do
    command -v "$builder" >/dev/null && break
done
[[ $builder != none ]] || { echo "error: none of podman, buildah and docker found" >&2; exit 1; }

binary=$(scripts/static.sh "$architecture" "$profile")

# The context is the image's root.
context=target/image/$architecture
rm -rf "$context"
install -D --mode 0755 "$binary" "$context/unroot"
install -d --mode 0755 "$context/etc"
echo "nobody:x:65534:65534:nobody:/:/unroot" >"$context/etc/passwd"
scripts/licences.sh "$context/licenses" "$architecture"
chmod 0644 "$context/etc/passwd"

# Nothing is pulled; and the same sources make the same image, whatever the day: it is of the day of the last commit.
version=$(cargo pkgid --package unroot | sed 's/.*[#@]//')
created=$(TZ=UTC0 git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null) || created=1970-01-01T00:00:00Z
case $builder in
    podman | buildah) options=(--pull=never --timestamp 0 --layers=false) ;;
    docker) options=(--pull=false --network none) ;;
esac
"$builder" build "${options[@]}" --quiet --platform "$platform" --tag "$image" \
    --label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.created=$created" --file Containerfile "$context" >/dev/null
echo "$image ($platform, built by $builder)"
