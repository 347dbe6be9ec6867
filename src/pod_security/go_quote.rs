//! Go's `%q`: upstream prints annotation and label values with it, and Rust's `{:?}` differs (`\u{200b}`, `\0`).
//!
//! Source: `strconv.Quote` and `strconv.IsPrint` of Go 1.26, whose tables are Unicode 15.0. The standard library of Rust
//! divides characters by the same rule but by a newer Unicode, so what came later is listed here.

use std::fmt::Write;

/// `text` as a Go string literal.
pub(crate) fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            printable if is_print(printable) => quoted.push(printable),
            other => push_escaped(&mut quoted, u32::from(other)),
        }
    }
    quoted.push('"');
    quoted
}

fn push_escaped(quoted: &mut String, code: u32) {
    let written = match code {
        0..0x80 => write!(quoted, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

/// Whether Go prints `character` as it is: letters, marks, numbers, punctuation, symbols and the ASCII space.
fn is_print(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    // The `x` in front keeps `escape_debug` from escaping a combining mark that stands first.
    let mut buffer = [b'x'; 5];
    let length = 1 + character.encode_utf8(&mut buffer[1..]).len();
    let printable = str::from_utf8(&buffer[..length]).is_ok_and(|text| text.escape_debug().count() == 2);
    printable && !is_newer_than_unicode_15(u32::from(character))
}

fn is_newer_than_unicode_15(code: u32) -> bool {
    NEWER_THAN_UNICODE_15.as_chunks::<2>().0.iter().any(|&[first, last]| (first..=last).contains(&code))
}

/// First and last of each run of printable characters that Unicode 15.1, 16 and 17 added.
const NEWER_THAN_UNICODE_15: [u32; 180] = [
    0x88f, 0x88f, 0x897, 0x897, 0xc5c, 0xc5c, 0xcdc, 0xcdc, 0x1acf, 0x1add, 0x1ae0, 0x1aeb, 0x1b4e, 0x1b4f, 0x1b7f,
    0x1b7f, 0x1c89, 0x1c8a, 0x20c1, 0x20c1, 0x2427, 0x2429, 0x2b96, 0x2b96, 0x2ffc, 0x2fff, 0x31e4, 0x31e5, 0x31ef,
    0x31ef, 0xa7cb, 0xa7cf, 0xa7d2, 0xa7d2, 0xa7d4, 0xa7d4, 0xa7da, 0xa7dc, 0xa7f1, 0xa7f1, 0xfbc3, 0xfbd2, 0xfd90,
    0xfd91, 0xfdc8, 0xfdce, 0x105c0, 0x105f3, 0x10940, 0x10959, 0x10d40, 0x10d65, 0x10d69, 0x10d85, 0x10d8e, 0x10d8f,
    0x10ec2, 0x10ec7, 0x10ed0, 0x10ed8, 0x10efa, 0x10efc, 0x11380, 0x11389, 0x1138b, 0x1138b, 0x1138e, 0x1138e,
    0x11390, 0x113b5, 0x113b7, 0x113c0, 0x113c2, 0x113c2, 0x113c5, 0x113c5, 0x113c7, 0x113ca, 0x113cc, 0x113d5,
    0x113d7, 0x113d8, 0x113e1, 0x113e2, 0x116d0, 0x116e3, 0x11b60, 0x11b67, 0x11bc0, 0x11be1, 0x11bf0, 0x11bf9,
    0x11db0, 0x11ddb, 0x11de0, 0x11de9, 0x11f5a, 0x11f5a, 0x13460, 0x143fa, 0x16100, 0x16139, 0x16d40, 0x16d79,
    0x16ea0, 0x16eb8, 0x16ebb, 0x16ed3, 0x16ff2, 0x16ff6, 0x187f8, 0x187ff, 0x18cff, 0x18cff, 0x18d09, 0x18d1e,
    0x18d80, 0x18df2, 0x1cc00, 0x1ccfc, 0x1cd00, 0x1ceb3, 0x1ceba, 0x1ced0, 0x1cee0, 0x1cef0, 0x1e5d0, 0x1e5fa,
    0x1e5ff, 0x1e5ff, 0x1e6c0, 0x1e6de, 0x1e6e0, 0x1e6f5, 0x1e6fe, 0x1e6ff, 0x1f6d8, 0x1f6d8, 0x1f777, 0x1f77a,
    0x1f8b2, 0x1f8bb, 0x1f8c0, 0x1f8c1, 0x1f8d0, 0x1f8d8, 0x1fa54, 0x1fa57, 0x1fa89, 0x1fa8a, 0x1fa8e, 0x1fa8f,
    0x1fabe, 0x1fabe, 0x1fac6, 0x1fac6, 0x1fac8, 0x1fac8, 0x1facd, 0x1facd, 0x1fadc, 0x1fadc, 0x1fadf, 0x1fadf,
    0x1fae9, 0x1faea, 0x1faef, 0x1faef, 0x1fbcb, 0x1fbef, 0x1fbfa, 0x1fbfa, 0x2b73a, 0x2b73f, 0x2cea2, 0x2cead,
    0x2ebf0, 0x2ee5d, 0x323b0, 0x33479,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        for (text, expected) in [
            ("", r#""""#),
            ("plain text", r#""plain text""#),
            ("a\"b\\c'd`", r#""a\"b\\c'd`""#),
            ("\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
            ("\0\x01\x1f\x7f", r#""\x00\x01\x1f\x7f""#),
            ("é日本\u{1f600}\u{fffd}", "\"é日本\u{1f600}\u{fffd}\""),
            ("\u{85}\u{a0}\u{ad}\u{200b}\u{2028}\u{feff}", r#""\u0085\u00a0\u00ad\u200b\u2028\ufeff""#),
            ("\u{e0001}\u{10ffff}", r#""\U000e0001\U0010ffff""#),
            ("\u{301}e\u{301}", "\"\u{301}e\u{301}\""),
            ("\u{2ebf0}", r#""\U0002ebf0""#),
        ] {
            assert_eq!(go_quote(text), expected, "{text:?}");
        }
    }

    /// The two numbers come from the same loop around `strconv.IsPrint` in Go 1.26.8. They break when the toolchain
    /// moves to a newer Unicode: then its new characters belong in the list.
    #[test]
    fn every_character_is_printable_exactly_where_go_says_so() {
        let (mut count, mut digest) = (0_u32, 14_695_981_039_346_656_037_u64);
        for character in '\0'..=char::MAX {
            let printable = is_print(character);
            count += u32::from(printable);
            digest = (digest ^ u64::from(printable)).wrapping_mul(1_099_511_628_211);
        }
        assert_eq!((count, digest), (148_998, 2_580_329_622_425_277_321));
    }
}
