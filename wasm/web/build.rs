//! As much stack as the native command has on its main thread.

fn main() {
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=8388608");
}
