//! Flow collections of plain words on one line, such as `{enforce: baseline, names: [a, "b-*"]}`: what people write in a
//! configuration.

use super::MAX_KEY;

/// Deeper ones go to the parser.
const MAX_DEPTH: usize = 16;

/// The end of the collection that opens at `start` of a line; none where it is anything but plain words.
pub(super) fn end(line: &[u8], start: usize) -> Option<usize> {
    collection(line, start, 0)
}

fn collection(line: &[u8], start: usize, depth: usize) -> Option<usize> {
    let mapping = line[start] == b'{';
    let close = if mapping { b'}' } else { b']' };
    let mut at = start + 1;
    if line.get(at) == Some(&close) {
        return Some(at + 1);
    }
    if depth == MAX_DEPTH {
        return None;
    }
    loop {
        if mapping {
            at = word(line, at)?;
            if line.get(at) != Some(&b':') || line.get(at + 1) != Some(&b' ') {
                return None;
            }
            at += 2;
        }
        at = match line.get(at)? {
            b'{' | b'[' => collection(line, at, depth + 1)?,
            b'"' => quoted(line, at)?,
            _ => word(line, at)?,
        };
        match line.get(at)? {
            byte if *byte == close => return Some(at + 1),
            b',' if line.get(at + 1) == Some(&b' ') => at += 2,
            _ => return None,
        }
    }
}

/// The end of a word that no reader takes for anything but a scalar.
fn word(line: &[u8], start: usize) -> Option<usize> {
    let word = &line[start..];
    let length = word.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(byte)).count();
    let begins_well = word.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/'));
    (begins_well && length <= MAX_KEY).then_some(start + length)
}

/// The end of double quotes without an escape.
fn quoted(line: &[u8], start: usize) -> Option<usize> {
    let inner = &line[start + 1..];
    let length = inner.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\t'))?;
    (inner[length] == b'"').then_some(start + length + 2)
}
