#!/usr/bin/env bash
# Builds the image that the tests run and prints its name; prints nothing, and says why on standard error, where that
# cannot be done. Only podman will do: the tests start containers, and docker's daemon is not a test's to ask.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
image=localhost/unroot:test
if ! command -v podman >/dev/null; then
    echo "skipped: podman not found, the image is neither built nor run" >&2
    exit
fi
PROFILE=quick scripts/image.sh "$image" >&2
echo "$image"
