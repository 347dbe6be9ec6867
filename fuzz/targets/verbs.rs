//! See `unroot_fuzz::verbs`.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use unroot_fuzz::{case, verbs};

fuzz_target!(|case: &[u8]| {
    if let Err(error) = verbs::hold(case) {
        panic!("{error}");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(3) {
        return fuzzer_mutate(data, size, max_size);
    }
    let near = case::near(&data[..size], case::HEAD, seed.into());
    let length = near.len().min(max_size);
    data[..length].copy_from_slice(&near[..length]);
    length
});
