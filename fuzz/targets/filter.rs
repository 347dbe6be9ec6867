//! See `unroot_fuzz::filter`.
#![no_main]

use unroot_fuzz::case::HEAD;

unroot_fuzz::target!(unroot_fuzz::filter::hold, HEAD);
