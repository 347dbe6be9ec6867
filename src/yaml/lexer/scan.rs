//! Searches over short runs, eight bytes at a time: indentation and values are mostly shorter than what a search that
//! prepares itself is good for.

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;

/// The number of spaces at the start.
#[inline]
pub(super) fn spaces(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut count = 0;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let others = u64::from_le_bytes(*word) ^ (ONES * b' ' as u64);
        if others != 0 {
            return count + (others.trailing_zeros() / 8) as usize;
        }
        count += 8;
        rest = tail;
    }
    count + rest.iter().take_while(|byte| **byte == b' ').count()
}

/// The first colon, space or other byte up to `#` in the order of ASCII, or the length of the text.
#[inline]
pub(super) fn word(bytes: &[u8], from: usize) -> usize {
    const END: u8 = b'#' + 1;
    let mut at = from;
    let mut rest = &bytes[from..];
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let hits = (below(word, END) | equal(word, b':')) & HIGH_BITS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = tail;
    }
    at + rest.iter().position(|byte| *byte == b':' || *byte < END).unwrap_or(rest.len())
}

/// The first colon, `#`, tab or end of a line, or the length of the text.
#[inline]
pub(super) fn text(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    let mut rest = &bytes[from..];
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let hits = (below(word, b' ') | equal(word, b':') | equal(word, b'#')) & HIGH_BITS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = tail;
    }
    at + rest.iter().position(|byte| *byte < b' ' || matches!(byte, b':' | b'#')).unwrap_or(rest.len())
}

/// The high bits of bytes that are below one of ASCII. A borrow may set more of them behind a true hit, never before it.
#[inline]
fn below(word: u64, end: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(end)) & !word
}

/// The high bits of bytes that are equal to one, and perhaps of more behind it.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ (ONES * u64::from(byte));
    zero_where_equal.wrapping_sub(ONES) & !zero_where_equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_find_what_a_search_byte_by_byte_finds() {
        let bytes = b"                    ab:c#\td\n\x01\xff:\x3b\x39 end of it \n";
        for from in 0..=bytes.len() {
            let rest = &bytes[from..];
            let first = |wanted: &dyn Fn(u8) -> bool| {
                rest.iter().position(|byte| wanted(*byte)).map_or(bytes.len(), |at| from + at)
            };
            assert_eq!(spaces(rest), rest.iter().take_while(|byte| **byte == b' ').count(), "{from}");
            assert_eq!(word(bytes, from), first(&|byte| byte == b':' || byte <= b'#'), "{from}");
            assert_eq!(text(bytes, from), first(&|byte| byte < b' ' || b":#".contains(&byte)), "{from}");
        }
    }
}
