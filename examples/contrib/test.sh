#!/usr/bin/env bash
# Asserts what the presets promise, on the build of a platform and, where there is one, in a cluster that it was applied to.
#     test.sh [RENDERED]     RENDERED is the output of `kustomize build example`; without it ../../example is built
#
# CANNOT names presets, separated by blanks, that this release cannot reach: they must fail and say why.
# NAMESPACE_LEVELS_IN_CLUSTER names the preset that has been applied to the cluster, if any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0
pass() { passed=$((passed + 1)); }
fail() { echo "FAILED: $*" >&2; exit 1; }
not_run() { echo "not run: $*"; }

command -v unroot >/dev/null || fail "unroot is not on the PATH"
if [[ -n ${1:-} ]]; then
    cp "$1" "$work/rendered.yaml"
else
    kustomize build ../../example >"$work/rendered.yaml"
fi

# namespaces FILE LABEL: the namespaces of a stream that have this line among their labels.
namespaces() {
    awk -v label="    $2" '
        function done_with() { if (kind && labelled) print name; kind = labelled = 0; name = "" }
        /^---/ { done_with() }
        /^kind: Namespace$/ { kind = 1 }
        /^  name: / { name = $2 }
        $0 == label { labelled = 1 }
        END { done_with() }' "$1"
}
count() { grep --count --extended-regexp "$1" "$2" || true; }
# refused_for WORD FILE: how many pods baseline would refuse with this container in the reason.
refused_for() {
    { unroot check --level baseline --output jsonl "$2" 2>/dev/null || true; } | grep --count "\"$1\|\\\\\"$1" || true
}

all=$(count '^kind: Namespace$' "$work/rendered.yaml")
((all > 3)) || fail "the build holds $all namespaces"

for preset in pod-security-warnings container-network-interface-baseline container-network-interface-restricted ambient sidecar; do
    function=$preset/function.yaml
    output=$work/$preset.yaml
    code=0
    unroot --config "$function" <"$work/rendered.yaml" >"$output" 2>"$work/said" || code=$?

    if [[ " ${CANNOT:-} " == *" $preset "* ]]; then
        # Pods would be refused, or this Istio has no such mode.
        case $code in
            1) why='violates PodSecurity' ;;
            2) why='has no ambient mode; upgrade Istio' ;;
            *) fail "$preset ends with $code and must end with 1 or 2" ;;
        esac
        [[ ! -s $output ]] || fail "$preset has failed and has written something"
        grep --quiet "^\[error\] .*$why" "$work/said" || fail "$preset does not say why it fails"
        pass
        echo "$preset: cannot be reached, as expected: $(tail -n 1 "$work/said")"
        continue
    fi
    [[ $code == 0 ]] || { grep '^\[error\]' "$work/said" >&2; fail "$preset ends with $code"; }
    unroot check --config "$function" "$output" >"$work/checked" 2>&1 ||
        { cat "$work/checked" >&2; fail "$preset has not been applied, or a pod would be refused"; }
    pass

    enforced=$(namespaces "$output" "pod-security.kubernetes.io/enforce: baseline" | wc -l)
    enforced=$((enforced + $(namespaces "$output" "pod-security.kubernetes.io/enforce: restricted" | wc -l)))
    case $preset in
        pod-security-warnings)
            [[ $(namespaces "$output" "pod-security.kubernetes.io/warn: restricted" | wc -l) == "$all" ]] ||
                fail "$preset leaves a namespace without a warning"
            ;;
        container-network-interface-*)
            [[ $enforced == "$all" ]] || fail "$preset enforces a level on $enforced of $all namespaces"
            [[ $(refused_for istio-init "$output") == 0 ]] || fail "$preset leaves istio-init in a pod"
            [[ $(count '^  name: istio-cni-node$' "$output") == 1 ]] || fail "$preset has no istio-cni"
            ;;
        ambient)
            [[ $enforced == "$all" ]] || fail "$preset enforces a level on $enforced of $all namespaces"
            [[ $(refused_for istio-init "$output") == 0 ]] || fail "$preset leaves istio-init in a pod"
            [[ $(count '^  name: ztunnel$' "$output") == 2 ]] || fail "$preset has no ztunnel and its account"
            (($(namespaces "$output" "istio.io/dataplane-mode: ambient" | wc -l) > 0)) ||
                fail "$preset has moved no namespace"
            ;;
        sidecar)
            (($(refused_for istio-init "$output") > 0)) || fail "$preset gives no pod its istio-init"
            [[ $(count '^  name: istio-cni-node$' "$output") == 0 ]] || fail "$preset leaves istio-cni behind"
            ;;
    esac
    pass
    echo "$preset: $(tail -n 1 "$work/said")"
done

# What each level refuses, and what it must not refuse.
for level in baseline restricted; do
    for sample in below-baseline baseline restricted; do
        allowed=no
        unroot check --level "$level" "samples/$sample.yaml" >"$work/checked" 2>&1 && allowed=yes
        case $level/$sample in
            baseline/baseline | */restricted) [[ $allowed == yes ]] || fail "$level refuses samples/$sample.yaml" ;;
            *) [[ $allowed == no ]] || fail "$level admits samples/$sample.yaml" ;;
        esac
        pass
    done
done

# The components in kustomize: only what they are about, since a whole build takes kustomize half a minute for each.
if command -v kustomize >/dev/null; then
    awk 'BEGIN { RS = "\n---\n"; ORS = "\n---\n" } /(^|\n)kind: Namespace\n/' "$work/rendered.yaml" >"$work/namespaces.yaml"
    for preset in pod-security-warnings container-network-interface-baseline; do
        overlay=$work/overlay
        rm -rf "$overlay" && mkdir "$overlay"
        cp -R "$preset" "$work/namespaces.yaml" "$overlay/"
        printf 'resources:\n- namespaces.yaml\ncomponents:\n- %s\n' "$preset" >"$overlay/kustomization.yaml"
        kustomize build --enable-alpha-plugins --enable-exec "$overlay" >"$work/built.yaml" 2>"$work/said" ||
            { cat "$work/said" >&2; fail "$preset does not build as a component"; }
        [[ $(namespaces "$work/built.yaml" "pod-security.kubernetes.io/warn: restricted" | wc -l) == "$all" ]] ||
            fail "$preset leaves a namespace unlabelled as a component"
        pass
    done
else
    not_run "the components in kustomize: kustomize is not on the PATH"
fi

# In a cluster.
if command -v kubectl >/dev/null && kubectl --request-timeout=5s get namespace kubeflow >/dev/null 2>&1; then
    preset=${NAMESPACE_LEVELS_IN_CLUSTER:-pod-security-warnings}
    # Admission says which of the pods that are running a level would refuse.
    for level in baseline restricted; do
        for namespace in $(namespaces "$work/$preset.yaml" "pod-security.kubernetes.io/enforce: $level"); do
            warned=$(kubectl label --dry-run=server --overwrite namespace "$namespace" \
                "pod-security.kubernetes.io/enforce=$level" 2>&1 | grep '^Warning:' || true)
            [[ -z $warned ]] || fail "pods of $namespace violate $level: $warned"
            pass
        done
    done
    for sample in below-baseline baseline restricted; do
        said=$(kubectl create --dry-run=server --namespace kubeflow --filename "samples/$sample.yaml" 2>&1 || true)
        level=$(kubectl get namespace kubeflow \
            --output 'jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}')
        case $level/$sample in
            baseline/below-baseline | restricted/below-baseline | restricted/baseline)
                [[ $said == *"violates PodSecurity"* ]] || fail "$level admits samples/$sample.yaml: $said"
                ;;
            *) [[ $said != *"violates PodSecurity"* ]] || fail "$level refuses samples/$sample.yaml: $said" ;;
        esac
        pass
    done
    if [[ $preset == container-network-interface-* ]]; then
        containers=$(kubectl get pods --all-namespaces --output 'jsonpath={..initContainers[*].name}')
        [[ " $containers " != *" istio-init "* ]] || fail "a pod has istio-init: it has not been restarted"
        [[ " $containers " == *" istio-validation "* ]] || fail "no pod has istio-validation"
        pass
    fi
    refused=$(kubectl get events --all-namespaces --field-selector reason=FailedCreate --output name |
        xargs --no-run-if-empty kubectl get --output 'jsonpath={.message}{"\n"}' 2>/dev/null |
        grep 'violates PodSecurity' || true)
    [[ -z $refused ]] || fail "pods have been refused: $refused"
    pass
else
    not_run "admission of pods and of labels: no cluster with the namespace kubeflow"
fi

echo "$passed passed, 0 failed"
