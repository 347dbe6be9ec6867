//! Positions in a text: lines, columns and line ends.

/// The 1-based line that holds the byte `offset` of `text`.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..end]).count()
}

/// The offset at which the line that holds `offset` begins.
#[must_use]
pub fn line_start(text: &str, offset: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[..offset]).map_or(0, |newline| newline + 1)
}

/// The offset at which the line that holds `offset` ends, before its line break.
#[must_use]
pub fn line_end(text: &str, offset: usize) -> usize {
    let bytes = text.as_bytes();
    match memchr::memchr(b'\n', &bytes[offset..]) {
        Some(distance) if distance > 0 && bytes[offset + distance - 1] == b'\r' => offset + distance - 1,
        Some(distance) => offset + distance,
        None => text.len(),
    }
}

/// The offset at which the line after the one that holds `offset` begins.
#[must_use]
pub fn next_line(text: &str, offset: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[offset..]).map_or(text.len(), |distance| offset + distance + 1)
}

/// The column of `offset`, counted in characters from the start of its line: what indentation has to match. A byte
/// order mark takes no column.
#[must_use]
pub fn column(text: &str, offset: usize) -> usize {
    text[line_start(text, offset)..offset].chars().filter(|character| *character != '\u{feff}').count()
}

/// The line break in use around `offset`: that of its own line, else that of the line before, else `\n`.
#[must_use]
pub fn line_break(text: &str, offset: usize) -> &'static str {
    let bytes = text.as_bytes();
    let newline = memchr::memchr(b'\n', &bytes[offset..])
        .map(|distance| offset + distance)
        .or_else(|| memchr::memrchr(b'\n', &bytes[..offset]));
    match newline {
        Some(newline) if newline > 0 && bytes[newline - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

/// Behind the colon that follows a key which ends at `at`, if it has one: a blank, a line end or the end of a flow entry
/// follows it, or it begins a plain text.
#[must_use]
pub fn colon_behind(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].trim_start();
    let behind = rest.strip_prefix(':')?;
    let is_indicator = behind.is_empty() || behind.starts_with([' ', '\t', '\r', '\n', ',', '}', ']']);
    is_indicator.then(|| text.len() - behind.len())
}

/// A character that one YAML reader takes for a line break and another for text: NEL, LS and PS.
///
/// Outside quotes they would let a key hide from one of the two readers, e.g. in what the other takes for a comment.
#[must_use]
pub const fn is_ambiguous_break(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_those_of_an_editor() {
        let text = "a\r\né: b\nlast";
        assert_eq!(line_of(text, 0), 1);
        assert_eq!(line_of(text, 4), 2);
        assert_eq!(line_start(text, 5), 3);
        assert_eq!(line_end(text, 0), 1);
        assert_eq!(line_end(text, 3), 8);
        assert_eq!(next_line(text, 3), 9);
        assert_eq!(next_line(text, 10), text.len());
        assert_eq!(column(text, 5), 1);
        assert_eq!(line_break(text, 0), "\r\n");
        assert_eq!(line_break(text, 4), "\n");
        assert_eq!(line_break(text, 11), "\n");
    }
}
