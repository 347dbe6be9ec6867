#!/usr/bin/env bash
# Makes the trees of Istio's data plane modes from one render, so that they cannot differ in anything but the mode.
#     synchronize.sh RENDER FOLDER     RENDER is what `istioctl manifest generate` has printed, in whichever mode
# MODES names the trees, separated by blanks, where not all of them shall be made: Istio before 1.19 has no ambient.
set -euo pipefail
render=${1:?the render is missing}
folder=${2:?the folder to write to is missing}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for mode in ${MODES:-sidecar container-network-interface ambient}; do
    mkdir -p "$folder/$mode"
    unroot --config "$here/$mode.yaml" <"$render" >"$folder/$mode/istio-install.yaml"
done
