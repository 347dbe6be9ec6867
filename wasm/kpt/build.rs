//! How the module is linked, so that a plain `cargo build` makes what kpt can load.

fn main() {
    // The name under which Go's glue code looks for the memory.
    println!("cargo::rustc-link-arg-cdylib=--export-memory=mem");
    // A host written in Go never sees memory that has grown, so there is enough of it from the start. It is address
    // space: what is not touched costs nothing.
    println!("cargo::rustc-link-arg-cdylib=--initial-memory=536870912");
    // As much stack as the native command has on its main thread.
    println!("cargo::rustc-link-arg-cdylib=-zstack-size=8388608");
    println!("cargo::rerun-if-changed=build.rs");
}
