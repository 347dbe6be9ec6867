// Command psa-check is what a check of manifests costs in Go: it decodes every document of a stream on standard input,
// asks the policies of k8s.io/pod-security-admission about each pod in it, and prints one line of JSON per resource that
// has one. With -prefilter it decodes only documents whose text names one of the nine kinds, which is the quickest that
// a Go program of this shape gets.
//
// It does not do what `unroot check` does: no defaulting, no injected containers, no namespaces. It is a yardstick of
// speed, not of verdicts.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

var nineKinds = regexp.MustCompile(
	`(?m)^kind: *["']?(Pod|PodTemplate|ReplicationController|ReplicaSet|Deployment|StatefulSet|DaemonSet|Job|CronJob)["']? *$`)

type verdict struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Namespace  string   `json:"namespace"`
	Name       string   `json:"name"`
	Allowed    bool     `json:"allowed"`
	Reasons    []string `json:"reasons,omitempty"`
	Details    []string `json:"details,omitempty"`
}

func main() {
	prefilter := flag.Bool("prefilter", false, "look for the nine kinds in the text before decoding")
	level := flag.String("level", "restricted", "privileged, baseline or restricted")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *level, *prefilter); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer, levelName string, prefilter bool) error {
	level, err := api.ParseLevel(levelName)
	if err != nil {
		return err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	policyVersion := api.LevelVersion{Level: level, Version: api.LatestVersion()}

	buffered := bufio.NewWriter(out)
	lines := json.NewEncoder(buffered)
	documents := yamlutil.NewYAMLReader(bufio.NewReaderSize(in, 1<<20))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return buffered.Flush()
		}
		if err != nil {
			return err
		}
		if prefilter && !nineKinds.Match(document) {
			continue
		}
		converted, err := yaml.YAMLToJSON(document)
		if err != nil {
			return err
		}
		if bytes.Equal(converted, []byte("null")) {
			continue
		}
		var head metav1.PartialObjectMetadata
		if err := json.Unmarshal(converted, &head); err != nil {
			return err
		}
		meta, spec, err := pod(head.APIVersion, head.Kind, converted)
		if err != nil {
			return fmt.Errorf("%s %s/%s: %w", head.Kind, head.Namespace, head.Name, err)
		}
		if spec == nil {
			continue
		}
		line := verdict{APIVersion: head.APIVersion, Kind: head.Kind, Namespace: head.Namespace, Name: head.Name, Allowed: true}
		for _, result := range evaluator.EvaluatePod(policyVersion, meta, spec) {
			if !result.Allowed {
				line.Allowed = false
				line.Reasons = append(line.Reasons, result.ForbiddenReason)
				line.Details = append(line.Details, result.ForbiddenDetail)
			}
		}
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
}

// pod decodes one of the nine kinds into the pod that it is or makes; a nil spec is any other kind.
func pod(apiVersion, kind string, document []byte) (*metav1.ObjectMeta, *corev1.PodSpec, error) {
	var template *corev1.PodTemplateSpec
	var err error
	switch apiVersion + " " + kind {
	case "v1 Pod":
		var object corev1.Pod
		err = json.Unmarshal(document, &object)
		return &object.ObjectMeta, &object.Spec, err
	case "v1 PodTemplate":
		var object corev1.PodTemplate
		err = json.Unmarshal(document, &object)
		template = &object.Template
	case "v1 ReplicationController":
		var object corev1.ReplicationController
		err = json.Unmarshal(document, &object)
		template = object.Spec.Template
	case "apps/v1 ReplicaSet":
		var object appsv1.ReplicaSet
		err = json.Unmarshal(document, &object)
		template = &object.Spec.Template
	case "apps/v1 Deployment":
		var object appsv1.Deployment
		err = json.Unmarshal(document, &object)
		template = &object.Spec.Template
	case "apps/v1 StatefulSet":
		var object appsv1.StatefulSet
		err = json.Unmarshal(document, &object)
		template = &object.Spec.Template
	case "apps/v1 DaemonSet":
		var object appsv1.DaemonSet
		err = json.Unmarshal(document, &object)
		template = &object.Spec.Template
	case "batch/v1 Job":
		var object batchv1.Job
		err = json.Unmarshal(document, &object)
		template = &object.Spec.Template
	case "batch/v1 CronJob":
		var object batchv1.CronJob
		err = json.Unmarshal(document, &object)
		template = &object.Spec.JobTemplate.Spec.Template
	}
	if template == nil {
		return nil, nil, err
	}
	return &template.ObjectMeta, &template.Spec, err
}
