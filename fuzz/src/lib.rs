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
