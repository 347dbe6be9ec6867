//! The cutter's two readers give the same answer: what the line lexer accepts, the full parser cuts alike, and every
//! slice parses alone. The property is `unroot_fuzz::readers`, as the fuzzer has it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use unroot_fuzz::readers::cutters_agree;
use unroot_fuzz::seeds;

use crate::shared;

#[test]
fn both_readers_cut_the_seeds_alike() {
    for text in seeds::all() {
        if let Err(error) = cutters_agree(text) {
            panic!("{error}\n{text}");
        }
    }
}

#[test]
fn both_readers_cut_mutants_alike() {
    mutants_agree(cutters_agree);
}

/// Holds a property of the readers on many mutants, of which the lexer must have taken its share.
pub(crate) fn mutants_agree(agree: fn(&str) -> Result<bool, String>) {
    let config = shared::property(60_000);
    let cases = config.cases;
    let accepted = Cell::new(0_u32);
    let outcome = TestRunner::new(config).run(&shared::mutants(seeds::all().collect()), |text| match agree(&text) {
        Ok(taken) => {
            accepted.set(accepted.get() + u32::from(taken));
            Ok(())
        }
        Err(error) => Err(TestCaseError::fail(format!("{error}\n--- text {text:?}\n{text}"))),
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Most mutants are for the parser; the test means something only where the lexer took its share.
    assert!(accepted.get() > cases / 50, "the lexer accepted only {} of {cases}", accepted.get());
}

#[test]
fn the_recorded_platforms_take_the_fast_path() {
    for name in [
        "kubeflow/26.03.resourcelist.yaml.gz",
        "kubeflow/v1.8.1.resourcelist.yaml.gz",
        "kubeflow/26.03.yaml.gz",
        "kubeflow/v1.8.1.yaml.gz",
    ] {
        let Some(text) = shared::read(name) else { return };
        assert_eq!(cutters_agree(&text), Ok(true), "{name}");
    }
}
