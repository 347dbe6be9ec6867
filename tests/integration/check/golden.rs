//! The golden cases of `check` and `plan`: every folder of `tests/golden/check/` and `tests/golden/plan/` is one.
//!
//! `args` holds the arguments, one a line; `input.yaml` is standard input, other files are named by the arguments;
//! `stdout.txt`, `stderr.txt` and `exit` are what came out, absent where empty (0). `UNROOT_UPDATE=1 cargo test golden`
//! rewrites them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::expected;

fn run(case: &Path) -> Result<(), String> {
    let args = fs::read_to_string(case.join("args")).expect("the arguments of a case");
    let input = File::open(case.join("input.yaml")).map_or_else(|_| Stdio::null(), Stdio::from);
    let output = Command::new(env!("CARGO_BIN_EXE_unroot"))
        .args(args.lines())
        .current_dir(case)
        .stdin(input)
        .output()
        .expect("the unroot binary");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let exit = match output.status.code().expect("an exit code, not a signal") {
        0 => String::new(),
        code => format!("{code}\n"),
    };
    expected::matches(&case.join("stdout.txt"), &text(output.stdout))?;
    expected::matches(&case.join("stderr.txt"), &text(output.stderr))?;
    expected::matches(&case.join("exit"), &exit)
}

/// The folders of the cases of a verb.
pub(crate) fn cases(verb: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(verb);
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

#[test]
fn golden_checks_and_plans_come_out_as_recorded() {
    for verb in ["check", "plan"] {
        let failures: Vec<String> = cases(verb)
            .iter()
            .filter_map(|case| run(case).err().map(|why| format!("{}: {why}", case.display())))
            .collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}
