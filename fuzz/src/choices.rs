//! Decisions out of bytes: the same bytes decide alike, and fewer of them decide less.

/// Bytes that have not been used for a decision yet.
#[derive(Clone, Debug)]
pub struct Choices<'b> {
    bytes: &'b [u8],
}

impl<'b> Choices<'b> {
    /// All decisions come out of these bytes; when they are used up, the first choice is always taken.
    #[must_use]
    pub fn of(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        *first
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let number = u32::from_le_bytes([self.byte(), self.byte(), if end > 1 << 16 { self.byte() } else { 0 }, 0]);
        (number as usize).checked_rem(end).unwrap_or(0)
    }

    /// One of several.
    pub fn of_these<'o, T>(&mut self, options: &'o [T]) -> &'o T {
        &options[self.below(options.len())]
    }
}

/// Bytes for decisions that a number stands for (splitmix64).
#[must_use]
pub fn bytes_of(seed: u64) -> [u8; 96] {
    let mut state = seed;
    let mut bytes = [0; 96];
    for chunk in bytes.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes
}
