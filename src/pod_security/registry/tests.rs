//! Meta-tests over the registry: what holds for every check, so that a new one cannot forget it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::pod_security::checks::case::Case;

/// Each check's unit table, in the registry's order.
const TABLES: [&[Case]; 19] = [
    checks::app_armor_profile::tests::CASES,
    checks::capabilities_baseline::tests::CASES,
    checks::host_namespaces::tests::CASES,
    checks::host_path_volumes::tests::CASES,
    checks::host_ports::tests::CASES,
    checks::host_probes_and_host_lifecycle::tests::CASES,
    checks::privileged::tests::CASES,
    checks::proc_mount::tests::CASES,
    checks::se_linux_options::tests::CASES,
    checks::seccomp_profile_baseline::tests::CASES,
    checks::sysctls::tests::CASES,
    checks::windows_host_process::tests::CASES,
    checks::allow_privilege_escalation::tests::CASES,
    checks::capabilities_restricted::tests::CASES,
    checks::proc_mount_restricted::tests::CASES,
    checks::restricted_volumes::tests::CASES,
    checks::run_as_non_root::tests::CASES,
    checks::run_as_user::tests::CASES,
    checks::seccomp_profile_restricted::tests::CASES,
];

const STANDARD: &str = "https://kubernetes.io/docs/concepts/security/pod-security-standards/";

fn spec(yaml: &str) -> PodSpec {
    serde_yaml::from_str(yaml).unwrap()
}

fn found(level: Level, version: Version, yaml: &str) -> Vec<&'static str> {
    evaluate(level, version, &ObjectMeta::default(), &spec(yaml)).into_iter().map(|violation| violation.check).collect()
}

#[test]
fn checks_are_unique_and_in_upstreams_order() {
    let order: Vec<(Level, &str)> = CHECKS.iter().map(|check| (check.level, check.id)).collect();
    let sorted_set: BTreeSet<(Level, &str)> = order.iter().copied().collect();
    assert_eq!(order, Vec::from_iter(sorted_set));
    assert_eq!(order.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(), CHECKS.len());
    assert!(CHECKS.iter().all(|check| check.level != Level::Privileged));
}

#[test]
fn versions_are_numbered_and_strictly_increasing() {
    for check in CHECKS {
        assert!(!check.versions.is_empty(), "{}", check.id);
        assert!(check.versions.is_sorted_by(|(earlier, _), (later, _)| earlier < later), "{}", check.id);
        assert!(check.versions.iter().all(|(minimum, _)| *minimum < Version::Latest), "{}", check.id);
    }
}

#[test]
fn only_restricted_checks_override_and_only_baseline_checks_are_overridden() {
    for check in CHECKS {
        for id in check.overrides {
            assert_eq!(check.level, Level::Restricted, "{}", check.id);
            assert!(CHECKS.iter().any(|other| other.id == *id && other.level == Level::Baseline), "{id}");
        }
    }
}

#[test]
fn every_check_says_what_it_examines_and_how_to_mend_it() {
    for check in CHECKS {
        assert!(check.mend.ends_with('.') && check.mend.contains('`'), "{}: {}", check.id, check.mend);
        assert!(!check.mend.contains("  "), "{}: {}", check.id, check.mend);
        assert!(!check.fields.is_empty(), "{}", check.id);
        for field in check.fields {
            assert!(field.starts_with("spec.") || field.starts_with("metadata.annotations["), "{field}");
        }
    }
}

#[test]
fn every_check_has_a_file_of_its_own_that_links_to_the_standard() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pod_security/checks");
    let mut files: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "case.rs")
        .collect();
    for check in CHECKS {
        let name = format!("{}.rs", snake_case(check.id));
        assert!(files.remove(&name), "{name} is missing");
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        let module_doc: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let module_doc = module_doc.join("\n");
        for part in [STANDARD, "Fields", "initContainers", "ephemeralContainers", "Allowed", "Versions: v1."] {
            assert!(module_doc.contains(part), "{name}: the module doc lacks {part}");
        }
        assert!(text.contains(&format!("id: \"{}\"", check.id)), "{name}");
    }
    assert_eq!(files, BTreeSet::new(), "files without a check");
}

fn snake_case(id: &str) -> String {
    let mut snake = String::new();
    for character in id.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

#[test]
fn every_check_has_a_pass_and_a_fail_row_for_each_container_list_that_it_examines() {
    type Clear = fn(&mut PodSpec);
    let lists: [(&str, Clear); 3] = [
        ("initContainers", |spec| spec.init_containers = None),
        ("containers", |spec| spec.containers.clear()),
        ("ephemeralContainers", |spec| spec.ephemeral_containers = None),
    ];
    for (check, cases) in CHECKS.into_iter().zip(TABLES) {
        assert!(cases.iter().any(Case::is_pass) && !cases.iter().all(Case::is_pass), "{}", check.id);
        if !check.fields.iter().any(|field| field.starts_with("spec.containers[*]")) {
            continue;
        }
        for (list, clear) in lists {
            let has_row = |passing: bool| {
                cases.iter().filter(|case| case.is_pass() == passing).any(|case| {
                    let judge = check.revision(case.versions()[0]);
                    case.specs().into_iter().any(|spec| {
                        let mut without = spec.clone();
                        clear(&mut without);
                        let is_only_fault = judge.is_some_and(|judge| judge(&case.metadata(), &without).is_none());
                        without != spec && is_only_fault
                    })
                })
            };
            assert!(has_row(true), "{}: no row passes with {list}", check.id);
            assert!(has_row(false), "{}: no row fails for {list} alone", check.id);
        }
    }
}

#[test]
fn tables_belong_to_their_checks() {
    for (check, cases) in CHECKS.into_iter().zip(TABLES) {
        checks::case::assert_rows_hold(check, cases);
    }
}

#[test]
fn every_revision_is_reached_and_changes_a_row() {
    for (check, cases) in CHECKS.into_iter().zip(TABLES) {
        for (minimum, _) in check.versions {
            let before = match minimum {
                Version::V1(minor) if *minor > 0 => check.revision(Version::V1(minor - 1)),
                _ => None,
            };
            let after = check.revision(*minimum).unwrap();
            let differs = cases.iter().any(|case| {
                case.specs().iter().any(|spec| {
                    let metadata = case.metadata();
                    before.and_then(|judge| judge(&metadata, spec)) != after(&metadata, spec)
                })
            });
            assert!(differs, "{} {minimum}", check.id);
        }
    }
}

#[test]
fn the_newest_revision_not_above_the_asked_version_applies() {
    const SLOW_START: &str = "securityContext: {sysctls: [{name: net.ipv4.tcp_slow_start_after_idle}]}";
    for (version, expected) in [
        (Version::V1(0), vec!["sysctls"]),
        (Version::V1(36), vec!["sysctls"]),
        (Version::V1(37), vec![]),
        (Version::V1(99), vec![]),
        (Version::Latest, vec![]),
    ] {
        assert_eq!(found(Level::Baseline, version, SLOW_START), expected, "{version}");
    }
}

#[test]
fn restricted_drops_the_baseline_checks_that_a_check_of_its_own_replaces() {
    const POD: &str = "{hostNetwork: true, volumes: [{name: v, hostPath: {}}], containers: [{name: a, securityContext: \
         {procMount: X, seccompProfile: {type: X}, runAsNonRoot: true, allowPrivilegeEscalation: false, \
         capabilities: {add: [X]}}}]}";
    let always = ["hostNamespaces", "restrictedVolumes"];
    for (minor, others) in [
        (18, vec!["capabilities_baseline", "procMount"]),
        (21, vec!["capabilities_baseline", "procMount", "seccompProfile_restricted"]),
        (34, vec!["capabilities_restricted", "procMount", "seccompProfile_restricted"]),
        (35, vec!["capabilities_restricted", "procMount_restricted", "seccompProfile_restricted"]),
    ] {
        let expected: BTreeSet<&str> = always.into_iter().chain(others).collect();
        let violations = found(Level::Restricted, Version::V1(minor), POD);
        assert_eq!(violations.iter().copied().collect::<BTreeSet<_>>(), expected, "v1.{minor}");
        assert_eq!(violations.len(), expected.len(), "v1.{minor}");
    }
    assert_eq!(
        found(Level::Baseline, Version::Latest, POD),
        ["capabilities_baseline", "hostNamespaces", "hostPathVolumes", "procMount", "seccompProfile_baseline"]
    );
    assert_eq!(found(Level::Privileged, Version::Latest, POD), [""; 0]);
}

#[test]
fn a_pod_meets_the_strictest_level_that_allows_it() {
    for (pod, version, level) in [
        ("{}", Version::Latest, Level::Restricted),
        ("containers: [{name: a}]", Version::Latest, Level::Baseline),
        ("hostPID: true", Version::Latest, Level::Privileged),
        ("{hostUsers: false, securityContext: {runAsUser: 0}}", Version::V1(34), Level::Baseline),
        ("{hostUsers: false, securityContext: {runAsUser: 0}}", Version::V1(35), Level::Restricted),
        (
            "{os: {name: windows}, securityContext: {runAsNonRoot: true, seccompProfile: {type: Unconfined}}}",
            Version::Latest,
            Level::Restricted,
        ),
    ] {
        assert_eq!(meets(version, &ObjectMeta::default(), &spec(pod)), level, "{pod}");
    }
}

#[test]
fn a_pod_that_only_newer_clusters_allow_is_told_apart() {
    const ROOT: &str = "{hostUsers: false, securityContext: {runAsUser: 0}}";
    for (level, oldest, pod, expected) in [
        (Level::Restricted, 29, "{}", None),
        (Level::Restricted, 29, "hostPID: true", None),
        (Level::Restricted, 29, ROOT, Some(Version::V1(35))),
        (Level::Restricted, 34, ROOT, Some(Version::V1(35))),
        (Level::Restricted, 35, ROOT, None),
        (Level::Restricted, 99, ROOT, None),
        (Level::Baseline, 29, ROOT, None),
        (
            Level::Baseline,
            29,
            "securityContext: {sysctls: [{name: net.ipv4.tcp_notsent_lowat}]}",
            Some(Version::V1(37)),
        ),
        (Level::Baseline, 29, "containers: [{name: a, livenessProbe: {httpGet: {host: x, port: 1}}}]", None),
    ] {
        assert_eq!(allowed_since(level, oldest, &ObjectMeta::default(), &spec(pod)), expected, "{level} {pod}");
    }
}

#[test]
fn violations_are_told_in_one_text() {
    let violation = |reason, detail: &str| Violation { check: "x", reason, detail: detail.to_owned(), mend: "y" };
    assert_eq!(aggregate(&[]), "");
    assert_eq!(aggregate(&[violation("a", "b")]), "a (b)");
    assert_eq!(aggregate(&[violation("a", "b"), violation("c", ""), violation("d", "e")]), "a (b), c, d (e)");
}
