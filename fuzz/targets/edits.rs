//! See `unroot_fuzz::edits`.
#![no_main]

use unroot_fuzz::case::HEAD;

unroot_fuzz::target!(unroot_fuzz::edits::hold, HEAD);
