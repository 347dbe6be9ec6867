#!/usr/bin/env bash
# Pushes one tag that holds the images and kpt's WebAssembly module (platform js/wasm).
#     scripts/push.sh REGISTRY/IMAGE:TAG [PLATFORM...]      linux/amd64 and linux/arm64 where no PLATFORM is given
# `kpt alpha wasm push` adds its module to a tag that is a list, and keeps the other platforms in it. It needs podman, kpt,
# and what `make wasm` has built. PODMAN_PUSH_OPTIONS go to `podman manifest push`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
image=$1
shift
platforms=("$@")
((${#platforms[@]})) || platforms=(linux/amd64 linux/arm64)
read -ra options <<<"${PODMAN_PUSH_OPTIONS:-}"

list=localhost/unroot-list:$$
podman manifest create "$list" >/dev/null
trap 'podman manifest rm "$list" >/dev/null' EXIT
for platform in "${platforms[@]}"; do
    part=localhost/unroot:${platform//\//-}
    scripts/image.sh "$part" "$platform"
    podman manifest add "$list" "containers-storage:$part" >/dev/null
done
podman manifest push --all "${options[@]}" "$list" "docker://$image"
kpt alpha wasm push dist/unroot-kpt.wasm "$image"
echo "$image: ${platforms[*]} js/wasm"
