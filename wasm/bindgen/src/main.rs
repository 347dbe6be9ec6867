//! Writes the JavaScript around a module that was built with wasm-bindgen, as `wasm-bindgen --target no-modules` does; the crate
//! behind that program is all that it takes.
//!
//! `unroot-bindgen MODULE FOLDER`

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (module, folder) = arguments.next().zip(arguments.next()).context("unroot-bindgen MODULE FOLDER")?;
    // The names are for debuggers; a page that is loaded over a network is better without them.
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).typescript(false).remove_name_section(true).remove_producers_section(true);
    bindgen.no_modules(true)?.omit_default_module_path(true).generate(folder)
}
