//! See `unroot_fuzz::readers`.
#![no_main]

unroot_fuzz::target!(unroot_fuzz::readers::hold, 0);
