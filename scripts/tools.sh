#!/usr/bin/env bash
# Installs what the gate needs and this machine lacks, and says what it will have to do without.
# Only Cargo's and Go's registries are asked, and rustup; what is there already costs nothing.
#     scripts/tools.sh           everything
#     scripts/tools.sh rust      what building takes
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kustomize_version=v5.8.1
cargo_deny_version=0.20.2

has() { command -v "$1" >/dev/null 2>&1; }

# rust-toolchain.toml names channel, components and targets; rustup is asked only when something of it is missing,
# because asking needs a network even when there is nothing to do.
install_toolchain() {
    if ! has rustup; then
        has cargo && return 0
        echo "error: cargo not found: install Rust with rustup; rust-toolchain.toml says which" >&2
        return 1
    fi
    local installed wanted
    installed=$(rustup component list --installed 2>/dev/null) || installed=
    for wanted in rust-std-wasm32-unknown-unknown rust-std-wasm32-wasip1 clippy rustfmt; do
        grep -q "^$wanted" <<<"$installed" || { rustup toolchain install; return; }
    done
}

install_kustomize() {
    [[ -x bin/kustomize && $(bin/kustomize version) == "$kustomize_version" ]] && return 0
    has go || return 0
    echo "installing kustomize $kustomize_version into bin/"
    GOBIN="$PWD/bin" GOFLAGS=-trimpath go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize_version"
}

# Some minutes to build, so it is kept where the next clone finds it.
install_cargo_deny() {
    [[ -x bin/cargo-deny && $(bin/cargo-deny --version) == "cargo-deny $cargo_deny_version" ]] && return 0
    local kept="${XDG_CACHE_HOME:-${HOME:-$PWD/target}/.cache}/unroot/cargo-deny-$cargo_deny_version"
    if [[ ! -x $kept/bin/cargo-deny ]]; then
        echo "installing cargo-deny $cargo_deny_version (some minutes, once)"
        cargo install --quiet --locked --target-dir target/tools --root "$kept" "cargo-deny@$cargo_deny_version"
        rm -rf target/tools
    fi
    ln -sf "$kept/bin/cargo-deny" bin/cargo-deny
}

mkdir -p bin
install_toolchain
[[ ${1:-} == rust ]] && exit
install_kustomize
install_cargo_deny

# The tests of the hosts skip what is not there; a reader of the log must not take that for a pass.
for host in kustomize kpt kubectl node; do
    PATH="$PWD/bin:$PATH" has "$host" || echo "$host not found: what needs it is skipped"
done
