//! The two readers of the cutter, and of the span tree, give the same answer: what the line lexer accepts, the full parser
//! reads alike, node by node, range by range; every slice of the cutter parses alone; and the two ways from a tree to a
//! JSON value end alike.
//!
//! A case is a text.

use unroot::yaml::cut::{self, Document, Head, Item};
use unroot::yaml::de;
use unroot::yaml::tree::{self, Kind, Tree, View};

/// The property. `Ok(true)` where the line lexer took the text, as one of the readers.
///
/// # Errors
/// What the readers do not agree on.
pub fn hold(case: &[u8]) -> Result<bool, String> {
    let Ok(text) = str::from_utf8(case) else { return Ok(false) };
    let agree = || Ok(cutters_agree(text)? | trees_agree(text)?);
    agree().map_err(|error: String| format!("{error}\n--- text {text:?}\n{text}"))
}

fn heads_agree(fast: &Head<'_>, full: &Head<'_>) -> bool {
    // What the lexer calls opaque nobody believes without parsing it.
    fast.opaque || fast == full
}

fn items_agree(fast: &[Item<'_>], full: &[Item<'_>]) -> bool {
    fast.len() == full.len()
        && fast
            .iter()
            .zip(full)
            .all(|(fast, full)| fast.range == full.range && heads_agree(&fast.head, &full.head) && !full.shares_anchor)
}

fn documents_agree(fast: &Document<'_>, full: &Document<'_>) -> bool {
    fast.range == full.range
        && fast.empty == full.empty
        && full.problem.is_none()
        && fast.flow == full.flow
        && fast.root_keys == full.root_keys
        && heads_agree(&fast.head, &full.head)
        && match (&fast.items, &full.items) {
            (None, None) => true,
            (Some((fast_style, fast)), Some((full_style, full))) => fast_style == full_style && items_agree(fast, full),
            _ => false,
        }
}

fn slice_parses_alone(text: &str, item: &Item<'_>) -> Result<(), String> {
    let slice = &text[item.range.clone()];
    // A scalar in a flow sequence, such as `---`, may read as something else alone; it is no resource anyway.
    if item.head.opaque && !slice.trim_start().starts_with(['-', '{']) || slice.trim() == "---" {
        return Ok(());
    }
    let tree = Tree::parse_part(slice).map_err(|error| format!("slice does not parse: {error}\n{slice}"))?;
    let root = tree.root(slice).ok_or("slice is empty")?;
    let element = if slice.trim_start().starts_with('-') { root.items().next().ok_or("no element")? } else { root };
    if item.head.opaque {
        return Ok(());
    }
    let read = |keys: &[&str]| element.find(keys).map(|view| view.scalar_text().to_owned());
    for (keys, seen) in [
        (&["apiVersion"][..], &item.head.api_version),
        (&["kind"], &item.head.kind),
        (&["metadata", "name"], &item.head.name),
        (&["metadata", "namespace"], &item.head.namespace),
    ] {
        if read(keys).as_deref() != seen.as_deref() {
            return Err(format!("{keys:?}: slice says {:?}, the cutter {seen:?}", read(keys)));
        }
    }
    Ok(())
}

/// The cutter's readers. `Ok(true)` where the lexer took the text.
///
/// # Errors
/// What they do not agree on.
pub fn cutters_agree(text: &str) -> Result<bool, String> {
    let full = cut::readers::full(text);
    if let Ok(documents) = &full {
        for document in documents.iter().filter(|document| document.problem.is_none()) {
            for item in document.items.iter().flat_map(|(_, items)| items) {
                slice_parses_alone(text, item)?;
            }
        }
    }
    let Some(fast) = cut::readers::fast(text) else { return Ok(false) };
    let full = full.map_err(|error| format!("the lexer accepts what the parser refuses: {error}"))?;
    if fast.len() != full.len() || !fast.iter().zip(&full).all(|(fast, full)| documents_agree(fast, full)) {
        let (fast, full) = (format!("{fast:#?}"), format!("{full:#?}"));
        let diff = similar::TextDiff::from_lines(&fast, &full);
        return Err(format!("lexer (-) and parser (+) differ:\n{}", diff.unified_diff().context_radius(2)));
    }
    Ok(true)
}

fn describe(view: View<'_>, out: &mut Vec<String>) {
    let text = if matches!(view.kind(), Kind::Scalar(_)) { view.scalar_text() } else { "" };
    out.push(format!("{:?} {:?} {:?} {text:?}", view.id(), view.kind(), view.range()));
    for (key, value) in view.entries() {
        describe(key, out);
        describe(value, out);
    }
    for item in view.items() {
        describe(item, out);
    }
}

fn description(tree: &Tree, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for root in tree.roots(text) {
        out.push("root".to_owned());
        describe(root, &mut out);
    }
    out
}

/// The span tree's readers. `Ok(true)` where the lexer took the text.
///
/// # Errors
/// What they do not agree on.
pub fn trees_agree(text: &str) -> Result<bool, String> {
    let full = tree::readers::full(text);
    if let Ok(full) = &full {
        values_agree(full, text)?;
    }
    let Some(fast) = tree::readers::fast(text) else { return Ok(false) };
    let full = full.map_err(|error| format!("the lexer accepts what the parser refuses: {error}"))?;
    let (fast, full) = (description(&fast, text).join("\n"), description(&full, text).join("\n"));
    if fast == full {
        return Ok(true);
    }
    let diff = similar::TextDiff::from_lines(&fast, &full);
    Err(format!("lexer (-) and parser (+) differ:\n{}", diff.unified_diff().context_radius(2)))
}

/// Both ways to a JSON value end in the same one, or in the same error.
fn values_agree(tree: &Tree, text: &str) -> Result<(), String> {
    for root in tree.roots(text) {
        let (short, long) = (de::value(root), de::from_view::<serde_json::Value>(root));
        if short != long {
            return Err(format!("as a value {short:?}, by serde {long:?}"));
        }
    }
    Ok(())
}
