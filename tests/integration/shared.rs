//! What several topics need: the recorded facts of the domain, which are kept beside the project, and repeatable
//! property tests.

use std::io::Read;
use std::path::PathBuf;

use proptest::prelude::*;
use unroot_fuzz::choices::{Choices, bytes_of};
use unroot_fuzz::mutate::mutate;

/// A file of the shared folder, unpacked where it ends in `.gz`; None, said on standard error, where the folder is not
/// there. In CI it must be there.
pub(crate) fn read(name: &str) -> Option<String> {
    let folder = std::env::var_os("UNROOT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "the shared folder is missing: set UNROOT_SHARED");
        eprintln!("skipped: the shared folder is missing: set UNROOT_SHARED");
        return None;
    }
    let path = folder.join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzip file of UTF-8");
    } else {
        text = String::from_utf8(bytes).expect("UTF-8");
    }
    Some(text)
}

/// The configuration of a property test: always the same cases, unless `UNROOT_SEED` says others, and as many as
/// `UNROOT_CASES` says.
pub(crate) fn property(cases: u32) -> proptest::test_runner::Config {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    proptest::test_runner::Config {
        cases: number("UNROOT_CASES").and_then(|cases| u32::try_from(cases).ok()).unwrap_or(cases),
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(number("UNROOT_SEED").unwrap_or(0)),
        ..proptest::test_runner::Config::default()
    }
}

/// One of these texts, changed as somebody might who edits YAML.
pub(crate) fn mutants(seeds: Vec<&'static str>) -> impl Strategy<Value = String> {
    (0..seeds.len(), any::<u64>()).prop_map(move |(at, seed)| {
        let bytes = bytes_of(seed);
        mutate(seeds[at], &mut Choices::of(&bytes))
    })
}
