#!/usr/bin/env bash
# Makes the trees of Istio's data plane modes from one render, so that they cannot differ in anything but the mode.
#     synchronize.sh RENDER FOLDER     RENDER is what `istioctl manifest generate` has printed, in whichever mode
set -euo pipefail
render=${1:?the render is missing}
folder=${2:?the folder to write to is missing}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for mode in sidecar container-network-interface; do
    mkdir -p "$folder/$mode"
    unroot --config "$here/$mode.yaml" <"$render" >"$folder/$mode/istio-install.yaml"
done
