//! See `unroot_fuzz::verbs`.
#![no_main]

use unroot_fuzz::case::HEAD;

unroot_fuzz::target!(unroot_fuzz::verbs::hold, HEAD);
