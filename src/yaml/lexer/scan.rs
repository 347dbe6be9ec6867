//! Searches over short runs, eight bytes at a time: indentation and values are mostly shorter than what a search that
//! prepares itself is good for.

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;

/// The number of spaces at the start.
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

/// The first of these bytes from an offset on, or the length of the text.
pub(super) fn find<const N: usize>(bytes: &[u8], from: usize, wanted: [u8; N]) -> usize {
    let mut at = from;
    let mut rest = &bytes[from..];
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // A byte that is zero borrows from its high bit; the lowest such bit is always that of a true zero.
        let hits = wanted.iter().fold(0, |hits, byte| {
            let zero_where_equal = word ^ (ONES * u64::from(*byte));
            hits | (zero_where_equal.wrapping_sub(ONES) & !zero_where_equal)
        }) & HIGH_BITS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = tail;
    }
    at + rest.iter().position(|byte| wanted.contains(byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_find_what_a_search_byte_by_byte_finds() {
        let text = b"                    ab:c#\td\n\x01\xff:\x3b\x39 end of it \n";
        for from in 0..=text.len() {
            let rest = &text[from..];
            assert_eq!(spaces(rest), rest.iter().take_while(|byte| **byte == b' ').count(), "{from}");
            let expected = rest.iter().position(|byte| b":#\t\n".contains(byte)).map_or(text.len(), |at| from + at);
            assert_eq!(find(text, from, [b':', b'#', b'\t', b'\n']), expected, "{from}");
        }
    }
}
