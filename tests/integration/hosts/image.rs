//! The container image in podman, by itself and as kustomize and kpt run it. `make test` builds it and names it in
//! `UNROOT_IMAGE`; where no container can be run at all, the reason is said.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{UNROOT, artefact, assert_matches, copy_folder, example, host, programs, read, root, run, skip, succeed};

/// What hosts run containers with: podman, told to leave the limits of processes as they are.
struct Podman {
    image: String,
    folder: TempDir,
}

impl Podman {
    /// None, with the reason on standard error, where the image has not been built or no container runs here.
    fn with_image() -> Option<Self> {
        let Some(image) = std::env::var("UNROOT_IMAGE").ok().filter(|image| !image.is_empty()) else {
            skip("UNROOT_IMAGE names no image: `make test` builds it where podman is there");
            return None;
        };
        host("podman")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        // podman raises the limits by default, which a process in a container of its own may not do.
        let limits = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
        fs::write(folder.path().join("containers.conf"), limits).expect("a file");
        // kustomize knows only docker.
        let docker = folder.path().join("docker");
        fs::write(&docker, "#!/bin/sh\nexec podman \"$@\"\n").expect("a script");
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).expect("a script that can be run");

        let podman = Self { image, folder };
        let tried =
            run(podman.command("podman").args(["run", "--rm", "--network", "none", &podman.image, "--version"]));
        if tried.exit != 0 {
            skip(&format!("podman runs no container here: {}", tried.stderr.trim()));
            return None;
        }
        assert_eq!(tried.stdout, format!("unroot {}\n", env!("CARGO_PKG_VERSION")));
        Some(podman)
    }

    /// A program that finds `docker` and podman's settings; `with_image` has seen that podman is there.
    fn command(&self, name: &str) -> Command {
        let mut command = host(name).expect("a program that is there");
        let path = [self.folder.path().to_owned()].into_iter().chain(programs());
        command.env("PATH", std::env::join_paths(path).expect("folders without a colon"));
        command.env("CONTAINERS_CONF", self.folder.path().join("containers.conf"));
        command
    }
}

#[test]
fn the_image_holds_the_binary_nobody_and_licences() {
    let Some(podman) = Podman::with_image() else { return };
    let format = "{{.Config.User}} {{json .Config.Entrypoint}} {{json .Config.Cmd}}";
    let config = succeed(podman.command("podman").args(["image", "inspect", "--format", format, &podman.image])).stdout;
    assert_eq!(config.trim(), r#"nobody ["/unroot"] null"#);

    let container = succeed(podman.command("podman").args(["create", "--network", "none", &podman.image])).stdout;
    let archive = podman.folder.path().join("image.tar");
    let exported = run(podman.command("podman").args(["export", "--output"]).arg(&archive).arg(container.trim()));
    succeed(podman.command("podman").args(["rm", container.trim()]));
    assert_eq!(exported.exit, 0, "{}", exported.stderr);
    let files = succeed(Command::new("tar").arg("--list").arg("--file").arg(&archive)).stdout;
    // What a runtime mounts leaves an empty file or folder behind.
    let runtime = ["dev/", "proc/", "sys/", "run/", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab"];
    let others: Vec<&str> = files
        .lines()
        .filter(|file| !file.starts_with("licenses/") && !file.ends_with('/'))
        .filter(|file| !runtime.iter().any(|made| file.starts_with(made)))
        .collect();
    assert_eq!(others, ["etc/passwd", "unroot"], "{files}");
    for licence in ["licenses/LICENSE", "licenses/serde/LICENSE-MIT", "licenses/rust/COPYRIGHT-library.html"] {
        assert!(files.lines().any(|file| file == licence), "{licence} is missing");
    }
}

#[test]
fn the_image_says_what_artifact_hub_needs_to_list_it() {
    let Some(podman) = Podman::with_image() else { return };
    let format = "{{json .Config.Labels}}";
    let labels = succeed(podman.command("podman").args(["image", "inspect", "--format", format, &podman.image])).stdout;
    let labels: serde_json::Value = serde_json::from_str(&labels).expect("JSON");
    // Those that Artifact Hub's documentation on container images requires, and what they must look like.
    for (label, is_one) in [
        ("io.artifacthub.package.readme-url", (|text| text.starts_with("https://")) as fn(&str) -> bool),
        ("org.opencontainers.image.created", |text| text.len() == 20 && text.ends_with('Z')),
        ("org.opencontainers.image.description", |text| !text.is_empty()),
        ("org.opencontainers.image.version", |text| text == env!("CARGO_PKG_VERSION")),
        ("io.artifacthub.package.license", |text| text == env!("CARGO_PKG_LICENSE")),
    ] {
        assert!(labels[label].as_str().is_some_and(is_one), "{label}: {labels}");
    }
}

#[test]
fn the_container_gives_the_bytes_and_the_exit_codes_of_the_binary() {
    let Some(podman) = Podman::with_image() else { return };
    let input = example("demo").join("platform.yaml");
    for (argument, exit) in [("warn=restricted", 0), ("enforce=baseline", 1), ("enforce=lax", 2)] {
        let open = || Stdio::from(File::open(&input).expect("an example"));
        let mut container = podman.command("podman");
        // As kustomize and kpt start it.
        container.args(["run", "--rm", "-i", "--network", "none", "--user", "nobody"]);
        container.args(["--security-opt=no-new-privileges", &podman.image, argument]).stdin(open());
        let (inside, outside) = (run(&mut container), run(Command::new(UNROOT).arg(argument).stdin(open())));
        assert_eq!((inside.exit, outside.exit), (exit, exit), "{}", inside.stderr);
        assert_eq!((inside.stdout, inside.stderr), (outside.stdout, outside.stderr));
    }
}

/// A copy of an example that uses the image that is tested.
fn copy(podman: &Podman, name: &str, file: &str) -> PathBuf {
    let folder = podman.folder.path().join(name);
    copy_folder(&example(name), &folder);
    let text = read(&folder.join(file));
    assert!(text.contains("image: localhost/unroot:dev"), "{file} does not name the image");
    let text = text.replace("localhost/unroot:dev", &podman.image);
    fs::write(folder.join(file), text).expect("a copy that can be changed");
    folder
}

#[test]
fn kustomize_runs_the_container_with_one_flag() {
    let Some(podman) = Podman::with_image() else { return };
    if host("kustomize").is_none() {
        return;
    }
    let folder = copy(&podman, "kustomize-container", "unroot.yaml");
    let mut build = podman.command("kustomize");
    let labelled = succeed(build.args(["build", "--enable-alpha-plugins"]).arg(&folder));
    assert_matches(&example("kustomize-container").join("expected.yaml"), &labelled.stdout);
    assert!(labelled.stderr.contains("payments"), "nothing is said of payments: {}", labelled.stderr);

    let file = folder.join("unroot.yaml");
    fs::write(&file, read(&file).replace("enforce: baseline", "enforce: lax")).expect("a copy that can be changed");
    let failed = run(podman.command("kustomize").args(["build", "--enable-alpha-plugins"]).arg(&folder));
    assert_ne!(failed.exit, 0);
    assert_eq!(failed.stdout, "");
    assert!(failed.stderr.contains("unknown value \"lax\""), "{}", failed.stderr);
}

#[test]
fn the_container_form_of_a_preset_is_a_component() {
    let Some(podman) = Podman::with_image() else { return };
    if host("kustomize").is_none() {
        return;
    }
    let folder = copy(&podman, "contrib", "pod-security-warnings/container/function.yaml");
    let namespaces = example("kustomize-container").join("namespaces.yaml");
    fs::copy(namespaces, folder.join("namespaces.yaml")).expect("a copy");
    let overlay = "resources:\n- namespaces.yaml\ncomponents:\n- pod-security-warnings/container\n";
    fs::write(folder.join("kustomization.yaml"), overlay).expect("a file");
    let built = succeed(podman.command("kustomize").args(["build", "--enable-alpha-plugins"]).arg(&folder)).stdout;
    assert_eq!(built.matches("pod-security.kubernetes.io/warn: restricted").count(), 3, "{built}");
}

fn kpt(podman: &Podman, package: &Path, words: &[&str]) -> Command {
    let mut kpt = podman.command("kpt");
    kpt.env("KPT_FN_RUNTIME", "podman");
    kpt.args(["fn", "eval"]).arg(package).args(["--image", &podman.image, "--"]).args(words);
    kpt
}

#[test]
fn kpt_runs_the_container_and_shows_why_it_failed() {
    let Some(podman) = Podman::with_image() else { return };
    if host("kpt").is_none() {
        return;
    }
    let package = podman.folder.path().join("package");
    copy_folder(&example("kpt-eval"), &package);
    fs::remove_dir_all(package.join(".expected")).expect("what the example expects");
    let resources = package.join("resources.yaml");

    let failed = run(&mut kpt(&podman, &package, &["enforce=lax"]));
    assert_eq!(failed.exit, 1, "{}", failed.stderr);
    let said = "[error] functionConfig.data.enforce: unknown value \"lax\"";
    assert!(failed.stderr.contains(said) && failed.stderr.contains("Exit code: 2"), "{}", failed.stderr);
    assert_eq!(read(&resources), read(&example("kpt-eval").join("resources.yaml")), "the package has been changed");

    succeed(&mut kpt(&podman, &package, &["enforce=baseline", "warn=restricted"]));
    let by_container = read(&resources);
    let by_binary = podman.folder.path().join("by-binary");
    copy_folder(&example("kpt-eval"), &by_binary);
    fs::remove_dir_all(by_binary.join(".expected")).expect("what the example expects");
    let mut exec = podman.command("kpt");
    exec.args(["fn", "eval"]).arg(&by_binary).args(["--exec", UNROOT, "--", "enforce=baseline", "warn=restricted"]);
    succeed(&mut exec);
    assert_eq!(by_container, read(&by_binary.join("resources.yaml")));

    let help =
        succeed(podman.command("kpt").env("KPT_FN_RUNTIME", "podman").args(["fn", "doc", "--image", &podman.image]));
    assert!(help.stdout.contains("KEY=VALUE"), "{}", help.stdout);
}

/// A registry on this machine, until it is dropped.
struct Registry {
    process: Child,
    name: String,
}

impl Registry {
    fn start() -> Option<Self> {
        let mut registry = host("registry")?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        registry.args(["-port", &free.port().to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let process = registry.spawn().expect("a registry");
        let started = Self { process, name: format!("localhost:{}", free.port()) };
        for _ in 0..100 {
            if TcpStream::connect(free).is_ok() {
                return Some(started);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the registry does not answer");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn one_tag_holds_the_container_and_the_module_for_kpt() {
    if artefact("unroot-kpt.wasm").is_none() || host("kpt").is_none() || host("node").is_none() {
        return;
    }
    let Some(podman) = Podman::with_image() else { return };
    let Some(registry) = Registry::start() else { return };
    let tag = format!("{}/unroot:1", registry.name);
    let registries = podman.folder.path().join("registries.conf");
    let insecure = format!("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", registry.name);
    fs::write(&registries, insecure).expect("a file");
    let command = |name: &str| {
        let mut command = podman.command(name);
        command.env("CONTAINERS_REGISTRIES_CONF", &registries);
        command.envs([("KPT_FN_RUNTIME", "podman"), ("KPT_FN_WASM_RUNTIME", "nodejs"), ("PROFILE", "quick")]);
        command
    };
    let platform = if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };
    succeed(command("bash").arg(root().join("scripts/push.sh")).args([&tag, platform]));

    for (flag, runs) in [(None, "[RUNNING] \""), (Some("--allow-alpha-wasm"), "[RUNNING] WASM \"")] {
        let package = podman.folder.path().join(format!("package-{}", flag.is_some()));
        copy_folder(&example("kpt-eval"), &package);
        fs::remove_dir_all(package.join(".expected")).expect("what the example expects");
        let mut kpt = command("kpt");
        kpt.args(["fn", "eval"]).arg(&package).args(flag).args(["--image", &tag, "--", "enforce=baseline"]);
        let said = succeed(&mut kpt).stderr;
        assert!(said.contains(runs), "{said}");
        assert!(read(&package.join("resources.yaml")).contains("pod-security.kubernetes.io/enforce: baseline"));
    }
    succeed(command("podman").args(["rmi", &tag]));
}

#[test]
fn the_containerfile_pulls_nothing() {
    let containerfile = read(&root().join("Containerfile"));
    let sources: Vec<&str> = containerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(sources, ["FROM scratch"]);
    assert!(!containerfile.lines().any(|line| line.starts_with("RUN ")), "what is run needs a shell");
}
