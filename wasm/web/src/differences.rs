//! What a run has changed, resource by resource, to be unfolded one by one.

use serde::Serialize;
use unroot::krm::{List, form};
use unroot::report::difference::{Change, Sign, changes};
use wasm_bindgen::prelude::wasm_bindgen;

/// The resources that differ.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Differences(Vec<Change>);

#[derive(Serialize)]
struct Summary {
    kind: &'static str,
    resource: String,
    plus: usize,
    minus: usize,
}

impl Differences {
    /// Of two texts; none where one of them is no list, such as no output at all.
    pub(crate) fn of(before: &[u8], after: &[u8]) -> Self {
        let list = |bytes| form::text(bytes).and_then(List::read).ok();
        let both = list(before).zip(list(after));
        Self(both.map(|(before, after)| changes(&before, &after)).unwrap_or_default())
    }
}

#[wasm_bindgen]
impl Differences {
    /// A line about each, as JSON.
    #[must_use]
    pub fn summary(&self) -> String {
        let all: Vec<Summary> = self
            .0
            .iter()
            .map(|change| Summary {
                kind: change.kind.as_str(),
                resource: change.resource.to_string(),
                plus: change.count(Sign::Plus),
                minus: change.count(Sign::Minus),
            })
            .collect();
        // Nothing in it can fail to be JSON.
        serde_json::to_string(&all).unwrap_or_default()
    }

    /// The groups of lines of one of them, each line with its sign, as JSON.
    #[must_use]
    pub fn hunks(&self, number: usize) -> String {
        let hunks = self.0.get(number).map(|change| change.hunks.as_slice()).unwrap_or_default();
        let hunks: Vec<Vec<String>> = hunks
            .iter()
            .map(|hunk| hunk.iter().map(|line| format!("{}{}", line.sign.as_char(), line.text)).collect())
            .collect();
        serde_json::to_string(&hunks).unwrap_or_default()
    }
}
