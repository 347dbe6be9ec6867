//! A case: a few bytes that say what is done, and the text that it is done to.

use crate::choices::{Choices, bytes_of};
use crate::mutate::mutate;

/// How many bytes of a case are no text.
pub const HEAD: usize = 16;

/// The two parts of a case; a short one is all head.
#[must_use]
pub fn parts(case: &[u8]) -> (&[u8], &[u8]) {
    case.split_at(case.len().min(HEAD))
}

/// The case with this head, cut or filled up, and this text.
#[must_use]
pub fn of(head: &[u8], text: &str) -> Vec<u8> {
    let mut case: Vec<u8> = head.iter().copied().chain(std::iter::repeat(0)).take(HEAD).collect();
    case.extend_from_slice(text.as_bytes());
    case
}

/// Another case near this one: its text changed as somebody might who edits YAML, or its head.
#[must_use]
pub fn near(case: &[u8], head: usize, seed: u64) -> Vec<u8> {
    let bytes = bytes_of(seed);
    let mut choices = Choices::of(&bytes);
    let (head, text) = case.split_at(case.len().min(head));
    let mut near = head.to_vec();
    if !near.is_empty() && choices.below(4) == 0 {
        let at = choices.below(near.len());
        near[at] = choices.byte();
    }
    let text = String::from_utf8_lossy(text);
    near.extend_from_slice(mutate(&text, &mut choices).as_bytes());
    near
}
