//! See `unroot_fuzz::configuration`.
#![no_main]

unroot_fuzz::target!(unroot_fuzz::configuration::hold, 0);
