//! The filter's golden cases: every folder of `tests/golden/filter/` is one.
//!
//! | file | what it is |
//! | --- | --- |
//! | `input.yaml` | standard input |
//! | `config.yaml` or `args` | `--config config.yaml`, or the arguments, one a line; neither: the list brings its own |
//! | `expected.yaml` | standard output; absent where there must be none |
//! | `stderr.txt` | standard error; absent where there must be none |
//! | `exit` | the exit code; absent where it is 0 |
//!
//! `UNROOT_UPDATE=1 cargo test cases` rewrites the last three. Each case is run a second time on what came out of the
//! first, and that must change nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use unroot_fuzz::filter::without_results;

use crate::expected;

struct Run {
    stdout: String,
    stderr: String,
    exit: i32,
}

/// The arguments of a case.
pub(crate) fn arguments(case: &Path) -> Vec<String> {
    match fs::read_to_string(case.join("args")) {
        Ok(args) => args.lines().map(str::to_owned).collect(),
        Err(_) if case.join("config.yaml").is_file() => vec!["--config".to_owned(), "config.yaml".to_owned()],
        Err(_) => Vec::new(),
    }
}

/// The folders of all cases.
pub(crate) fn folders() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/filter");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).expect("tests/golden/filter").map(|entry| entry.expect("an entry").path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "tests/golden/filter holds no case");
    cases
}

fn run(case: &Path, input: &Path) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_unroot"))
        .args(arguments(case))
        .current_dir(case)
        .stdin(Stdio::from(File::open(input).expect("the input of a case")))
        .output()
        .expect("the unroot binary");
    Run {
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
        exit: output.status.code().expect("an exit code, not a signal"),
    }
}

fn check(case: &Path) -> Result<(), String> {
    let first = run(case, &case.join("input.yaml"));
    expected::matches(&case.join("expected.yaml"), &first.stdout)?;
    expected::matches(&case.join("stderr.txt"), &first.stderr)?;
    let exit = if first.exit == 0 { String::new() } else { format!("{}\n", first.exit) };
    expected::matches(&case.join("exit"), &exit)?;
    if first.stdout.is_empty() {
        return Ok(());
    }

    let output = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(output.path(), &first.stdout).expect("a temporary file that can be written");
    let second = run(case, output.path());
    if second.exit != first.exit {
        return Err(format!("a second run ends with {} instead of {}\n{}", second.exit, first.exit, second.stderr));
    }
    let (once, twice) = (without_results(&first.stdout), without_results(&second.stdout));
    if once == twice {
        Ok(())
    } else {
        Err(format!("a second run changes\n{}", expected::diff(&once, &twice, ("first", "second"))))
    }
}

#[test]
fn golden_cases_come_out_as_recorded_and_a_second_run_changes_nothing() {
    let cases = folders();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|difference| format!("{}\n{difference}", case.display())))
        .collect();
    assert!(failures.is_empty(), "{} of {} cases fail\n\n{}", failures.len(), cases.len(), failures.join("\n"));
}
