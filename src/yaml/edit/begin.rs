//! The first entries of a text that holds no mapping yet: nothing, comments and markers, or null.

use serde_json::Value;

use super::super::emit::{Notation, double_quoted_inner, flow, scalar};
use super::super::source::{line_break, line_start};
use super::super::tree::View;
use super::Edits;

impl Edits {
    /// Writes entries into a text whose only document is nothing or null: below its comments, strings in double quotes.
    pub fn begin(&mut self, text: &str, null: Option<View<'_>>, entries: &[(&str, Value)]) {
        let eol = line_break(text, 0);
        let line = |(key, value): &(&str, Value)| {
            let key = scalar(key, Notation::Yaml);
            match value {
                Value::String(text) => format!("{key}: \"{}\"", double_quoted_inner(text)),
                value => format!("{key}: {}", flow(value, Notation::Yaml)),
            }
        };
        let lines = entries.iter().map(line).collect::<Vec<_>>().join(eol);
        if let Some(null) = null.filter(|null| !null.range().is_empty()) {
            // It may stand behind a `---`, where no block mapping can begin.
            let range = null.range();
            let break_before = if line_start(text, range.start) == range.start { "" } else { eol };
            self.replace(range, format!("{break_before}{}", lines));
            return;
        }
        // What stands behind a `...` is another document.
        let at = if text.starts_with("...") { 0 } else { text.find("\n...").map_or(text.len(), |end| end + 1) };
        let break_before = if line_start(text, at) == at { "" } else { eol };
        self.replace(at..at, format!("{break_before}{}{eol}", lines));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::tree::Tree;
    use super::*;

    #[test]
    fn a_text_without_a_mapping_gets_one_below_its_comments() {
        for (text, expected) in [
            ("", "a: \"b\"\nc: \"no\"\n"),
            ("# c", "# c\na: \"b\"\nc: \"no\"\n"),
            ("# c\n", "# c\na: \"b\"\nc: \"no\"\n"),
            ("# c\r\n", "# c\r\na: \"b\"\r\nc: \"no\"\r\n"),
            ("---\n# c\n", "---\n# c\na: \"b\"\nc: \"no\"\n"),
            ("# c\n...\n", "# c\na: \"b\"\nc: \"no\"\n...\n"),
            ("null", "a: \"b\"\nc: \"no\""),
            ("# c\n~ # nothing yet\n", "# c\na: \"b\"\nc: \"no\" # nothing yet\n"),
            ("--- null\n", "--- \na: \"b\"\nc: \"no\"\n"),
        ] {
            let tree = Tree::parse(text).unwrap();
            let null = tree.roots(text).next();
            let mut edits = Edits::default();
            edits.begin(text, null, &[("a", json!("b")), ("c", json!("no"))]);
            let out = edits.apply(text).unwrap();
            assert_eq!(out, expected, "{text:?}");
            let read = Tree::parse(&out).unwrap();
            let maps: Vec<usize> = read.roots(&out).map(|root| root.entries().count()).collect();
            assert_eq!(maps, [2], "{out:?}");
        }
    }
}
