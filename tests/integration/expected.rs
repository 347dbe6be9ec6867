//! Output that is kept in files beside its input and reviewed as a diff: `UNROOT_UPDATE=1 cargo test` rewrites it.

use std::fs;
use std::path::Path;

use similar::TextDiff;

/// Compares with the file, or rewrites the file where `UNROOT_UPDATE` is set. Nothing expected is an absent file, not
/// an empty one. The error is the difference, ready to be shown.
pub(crate) fn matches(file: &Path, actual: &str) -> Result<(), String> {
    let expected = fs::read_to_string(file).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    if std::env::var_os("UNROOT_UPDATE").is_some() {
        if actual.is_empty() {
            fs::remove_file(file).expect("an expected file that can be removed");
        } else {
            fs::write(file, actual).expect("an expected file that can be written");
        }
        return Ok(());
    }
    let name = file.display().to_string();
    let difference = diff(&expected, actual, (&name, "actual"));
    let (lines, shown) = (difference.lines().count(), 200);
    let mut message = format!("{name} differs; review, then UNROOT_UPDATE=1\n");
    message.extend(difference.split_inclusive('\n').take(shown));
    if lines > shown {
        message.push_str(&format!("... {} more lines\n", lines - shown));
    }
    Err(message)
}

/// The unified difference with three lines around each change, empty where there is none.
pub(crate) fn diff(before: &str, after: &str, names: (&str, &str)) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).header(names.0, names.1).to_string()
}
