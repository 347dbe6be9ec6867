//! Hardening: random pods against Pod Security's checks, and whole platforms with the users of their images.

mod contradictions;
mod corpus;
mod platforms;
mod table;

use unroot::filter::{Exit, Given};

/// What a run of the filter came to.
struct Ran {
    exit: Exit,
    out: String,
    said: Vec<String>,
}

impl Ran {
    /// The findings of a rule, without what is in front of the message.
    fn of_rule<'r>(&'r self, rule: &str) -> Vec<&'r str> {
        let prefix = format!("{rule}|");
        self.said.iter().filter_map(|line| line.strip_prefix(prefix.as_str())).collect()
    }
}

fn run(input: &str, given: &Given<'_>) -> Ran {
    let outcome = unroot::filter(input.as_bytes(), given);
    Ran {
        exit: outcome.exit,
        out: outcome.pieces().iter().map(|piece| piece.as_str()).collect(),
        said: outcome.findings.iter().map(|finding| format!("{}|{finding}", finding.tags["rule"])).collect(),
    }
}

fn with_words(input: &str, words: &[&str]) -> Ran {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    run(input, &Given { file: None, words: &words })
}
