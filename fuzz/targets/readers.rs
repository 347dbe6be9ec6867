//! See `unroot_fuzz::readers`.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use unroot_fuzz::{case, readers};

fuzz_target!(|case: &[u8]| {
    if let Ok(text) = str::from_utf8(case)
        && let Err(error) = readers::agree(text)
    {
        panic!("{error}\n--- text {text:?}\n{text}");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(3) {
        return fuzzer_mutate(data, size, max_size);
    }
    let near = case::near(&data[..size], 0, seed.into());
    let length = near.len().min(max_size);
    data[..length].copy_from_slice(&near[..length]);
    length
});
