//! The span tree's two readers give the same answer: what the line lexer accepts, the full parser reads alike, node by
//! node, range by range. And the two ways from a tree to a JSON value end alike. The property is `unroot_fuzz::readers`, as
//! the fuzzer has it.

use unroot::yaml::cut;
use unroot_fuzz::readers::trees_agree;
use unroot_fuzz::seeds;

use crate::shared;
use crate::yaml_cut::mutants_agree;

#[test]
fn both_readers_read_the_seeds_alike() {
    for text in seeds::all() {
        if let Err(error) = trees_agree(text) {
            panic!("{error}\n{text}");
        }
    }
    for (name, text) in seeds::STYLES {
        // What is left of blank lines alone is for the parser.
        assert_eq!(trees_agree(text), Ok(*name != "a literal of blank lines"), "{name}");
    }
}

#[test]
fn both_readers_read_mutants_alike() {
    mutants_agree(trees_agree);
}

#[test]
fn both_readers_read_the_recorded_platforms_alike() {
    for release in ["26.03", "v1.8.1"] {
        let Some(text) = shared::read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let (mut taken, mut all) = (0, 0);
        for document in cut::cut(&text).expect("a recorded build") {
            let document = &text[document.range];
            all += 1;
            match trees_agree(document) {
                Ok(fast) => taken += u32::from(fast),
                Err(error) => panic!("{release}: {error}"),
            }
        }
        assert!(taken > all / 2, "{release}: the lexer took {taken} of {all}");
    }
}
