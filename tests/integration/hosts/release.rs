//! What a release consists of, as far as that is cheap: `make dist` and `make reproducible` are run by hand and by the
//! release workflow.

use std::path::Path;
use std::process::Command;

use super::{UNROOT, read, root, skip, succeed};

#[test]
fn the_man_pages_name_every_flag_of_the_help_and_keep_its_columns() {
    let writer = Path::new(UNROOT).with_file_name("examples").join("man");
    if !writer.is_file() {
        assert!(std::env::var_os("CI").is_none(), "{} has not been built", writer.display());
        return skip("the man pages: a plain `cargo test` builds what writes them");
    }
    let work = tempfile::tempdir().expect("a temporary folder");
    succeed(Command::new(writer).arg(work.path()));
    for (page, command) in [("unroot.1", None), ("unroot-check.1", Some("check")), ("unroot-plan.1", Some("plan"))] {
        let page = read(&work.path().join(page)).replace("\\-", "-");
        let help = succeed(Command::new(UNROOT).args(command).arg("--help")).stdout;
        let flags: Vec<&str> = help.split([' ', ',', '\n', '[', '=']).filter(|word| word.starts_with("--")).collect();
        assert!(flags.contains(&"--config"), "{flags:?}");
        let missing: Vec<_> = flags.iter().filter(|flag| !page.contains(**flag)).collect();
        assert!(missing.is_empty(), "{missing:?} are not in\n{page}");
        assert!(page.starts_with(".ie") && page.contains(".SH NAME\nunroot"), "{page}");
    }
    let page = read(&work.path().join("unroot.1")).replace("\\-", "-");
    let (_, shown) = page.split_once("\n.nf\n").expect("a part that is shown as it stands");
    assert!(shown.contains("\n  audit, warn       the first three:"), "{shown}");
    assert!(work.path().join("unroot-completions.1").is_file());
}

#[test]
fn the_release_workflow_makes_what_there_is_to_make() {
    let workflow = read(&root().join(".github/workflows/release.yml"));
    let makefile = read(&root().join("Makefile"));
    let mut targets = 0;
    for target in workflow.lines().filter_map(|line| line.split("make ").nth(1)).filter(|rest| !rest.contains(' ')) {
        targets += 1;
        assert!(makefile.contains(&format!("\n{target}: ")), "make {target}");
    }
    assert!(targets >= 3, "{targets}");
    for script in workflow.split_whitespace().filter(|word| word.starts_with("scripts/")) {
        assert!(root().join(script).is_file(), "{script}");
    }
    let dist = read(&root().join("scripts/dist.sh"));
    assert!(workflow.contains("one/unroot.cdx.json") && dist.contains("$release/unroot.cdx.json"), "the SBOM's name");
}
