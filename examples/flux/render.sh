#!/bin/sh
# Renders a kustomization through unroot into a folder that Flux can take as it is.
#
#   render.sh KUSTOMIZATION FOLDER
#
# The kustomization has an unroot.yaml. On a failure FOLDER holds no manifests.
set -eu

kustomization=$1
folder=$2

mkdir -p "$folder"
rm -f "$folder/manifests.yaml"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kustomize build "$kustomization" >"$work/rendered.yaml"
unroot --config "$kustomization/unroot.yaml" <"$work/rendered.yaml" >"$work/manifests.yaml"
# Whoever changes the line above finds out here.
unroot check --config "$kustomization/unroot.yaml" "$work/manifests.yaml" >&2
mv "$work/manifests.yaml" "$folder/manifests.yaml"
