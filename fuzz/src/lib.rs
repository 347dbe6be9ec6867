//! What must hold of unroot for any text, and texts that are worth trying.
//!
//! A property takes the bytes of one case and panics where it does not hold. Two run them: the targets beside this
//! library, in which libFuzzer looks for bytes that reach new code, and unroot's own tests, with a fixed number of random
//! cases. What a case consists of is told by the property's module; the text in it is always there as it is, so that what
//! libFuzzer keeps of a failure can be read.

pub mod case;
pub mod choices;
pub mod configuration;
pub mod edits;
pub mod filter;
pub mod mutate;
pub mod readers;
pub mod seeds;
pub mod value;
pub mod verbs;

/// What a target of libFuzzer consists of: the property, which says in words what does not hold, and changes of a case that
/// leave it a text. The first bytes of a case, so many, are no text.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! target {
    ($property:path, $head:expr) => {
        libfuzzer_sys::fuzz_target!(|case: &[u8]| {
            if let Err(error) = $property(case) {
                panic!("{error}");
            }
        });

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            if seed.is_multiple_of(3) {
                return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
            }
            let near = $crate::case::near(&data[..size], $head, seed.into());
            let length = near.len().min(max_size);
            data[..length].copy_from_slice(&near[..length]);
            length
        });
    };
}
