#!/usr/bin/env bash
# Installs what the gate needs and this machine lacks, and says what it will have to do without.
# Only package registries are asked (Cargo's, Go's, Python's, and Debian's where root may install), and rustup; what is
# there already costs nothing.
#     scripts/tools.sh           everything
#     scripts/tools.sh rust      what building takes
#     scripts/tools.sh release   what a release takes beyond that
#     scripts/tools.sh bench     what the measurements take beyond that
#     scripts/tools.sh fuzz      what the fuzzer takes beyond that
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kustomize_version=v5.8.1
cargo_deny_version=0.20.2
cargo_cyclonedx_version=0.5.9
cargo_fuzz_version=0.13.2
registry_version=v0.22.1
wasmtime_version=50.0.1
wasmtime_cli_version=48.0.8
pre_commit_version=4.7.0

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

# What the image is pushed to in the tests: a registry on this machine, of the library that kpt itself pushes with.
install_registry() {
    [[ -x bin/registry ]] && return 0
    has go || return 0
    echo "installing registry $registry_version into bin/"
    GOBIN="$PWD/bin" GOFLAGS=-trimpath go install "github.com/google/go-containerregistry/cmd/registry@$registry_version"
}

# A program of a crate, with Cargo's arguments for it. Some minutes to build, so it is kept where the next clone finds it.
install_crate() {
    local name=$1 version=$2 program=$3
    shift 3
    local kept="${XDG_CACHE_HOME:-${HOME:-$PWD/target}/.cache}/unroot/$name-$version"
    if [[ ! -x $kept/bin/$program ]]; then
        echo "installing $name $version (some minutes, once)"
        cargo install --quiet --locked --target-dir target/tools --root "$kept" "$@" "$name@$version"
        rm -rf target/tools
    fi
    ln -sf "$kept/bin/$program" "bin/$program"
}

# The Python package is the whole engine, and the one form of it that a package registry has.
install_wasmtime() {
    [[ -d bin/python/wasmtime-$wasmtime_version.dist-info ]] && return 0
    has python3 && python3 -m pip --version >/dev/null 2>&1 || return 0
    echo "installing wasmtime $wasmtime_version into bin/python/"
    rm -rf bin/python
    python3 -m pip install --quiet --root-user-action=ignore --no-deps --target bin/python "wasmtime==$wasmtime_version" ||
        echo "wasmtime cannot be installed"
}

install_pre_commit() {
    [[ -d bin/pre-commit/pre_commit-$pre_commit_version.dist-info ]] && return 0
    has python3 && python3 -m pip --version >/dev/null 2>&1 || return 0
    echo "installing pre-commit $pre_commit_version into bin/pre-commit/"
    rm -rf bin/pre-commit
    python3 -m pip install --quiet --root-user-action=ignore --target bin/pre-commit "pre-commit==$pre_commit_version" ||
        echo "pre-commit cannot be installed"
}

# What drives Chromium in the tests of the HTML reports and of the page, as the lock file has it.
install_browser_packages() {
    cmp -s tests/browser/package-lock.json bin/browser/package-lock.json && return 0
    has npm || return 0
    echo "installing the packages of tests/browser into bin/browser/"
    rm -rf bin/browser
    mkdir -p bin/browser
    cp tests/browser/package.json tests/browser/package-lock.json bin/browser/
    (cd bin/browser && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
        { rm -rf bin/browser; echo "the packages of tests/browser cannot be installed"; }
}

install_chromium() {
    has chromium || has chromium-browser && return 0
    [[ $EUID == 0 ]] && has apt-get || return 0
    echo "installing chromium"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } >bin/chromium.log 2>&1 ||
        echo "chromium cannot be installed: see bin/chromium.log"
}

# Only where that is how this machine gets its software and nobody is asked for a password.
install_podman() {
    has podman && return 0
    [[ $EUID == 0 ]] && has apt-get || return 0
    echo "installing podman"
    { apt-get update && apt-get install --yes --no-install-recommends podman runc; } >bin/podman.log 2>&1 ||
        echo "podman cannot be installed: see bin/podman.log"
}

mkdir -p bin
install_toolchain
[[ ${1:-} == rust ]] && exit
if [[ ${1:-} == release ]]; then
    install_crate cargo-cyclonedx "$cargo_cyclonedx_version" cargo-cyclonedx
    exit
fi
if [[ ${1:-} == bench ]]; then
    # Only to compile a module and to run it: neither a server nor a debugger.
    install_crate wasmtime-cli "$wasmtime_cli_version" wasmtime --no-default-features --features run,compile
    exit
fi
if [[ ${1:-} == fuzz ]]; then
    install_crate cargo-fuzz "$cargo_fuzz_version" cargo-fuzz
    exit
fi
install_kustomize
install_registry
install_crate cargo-deny "$cargo_deny_version" cargo-deny
install_wasmtime
install_pre_commit
install_podman
install_browser_packages
install_chromium

# The tests of the hosts skip what is not there; a reader of the log must not take that for a pass.
for host in kustomize kpt kubectl node podman chromium; do
    PATH="$PWD/bin:$PATH" has "$host" || echo "$host not found: what needs it is skipped"
done
