//! unroot in a browser: the command itself, with files and streams that are in memory.
//!
//! The page's worker puts files (`-` is standard input), runs the command as a shell would, and shows what came out. So
//! everything on the page is what the command writes, word for word and byte for byte. Beside it there is only what a
//! form and a difference to read take.

mod configuration;
mod differences;
mod process;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::panic;

use unroot::cli;
use wasm_bindgen::prelude::wasm_bindgen;

pub use configuration::{configuration, in_kustomize};
pub use differences::Differences;
use process::InMemory;

#[wasm_bindgen]
unsafe extern "C" {
    /// Keeps what a bug of ours had to say; the module is of no use after it, and the worker says so.
    #[wasm_bindgen(js_name = keepBug)]
    fn keep_bug(text: &str);
}

/// What happens first: a panic must not pass for a lack of memory.
#[wasm_bindgen(start)]
fn start() {
    panic::set_hook(Box::new(|bug| keep_bug(&format!("{bug}\n{}", cli::BUG))));
}

/// The command and the files that it can read.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Command {
    files: BTreeMap<String, Vec<u8>>,
}

#[wasm_bindgen]
impl Command {
    /// The command without a file.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file; `-` is standard input.
    pub fn put(&mut self, name: String, bytes: Vec<u8>) {
        self.files.insert(name, bytes);
    }

    /// Takes all files away.
    pub fn clear(&mut self) {
        self.files.clear();
    }

    /// Runs the command with these arguments.
    #[must_use]
    pub fn run(&self, arguments: Vec<String>) -> Ran {
        let process = InMemory::new(&self.files);
        let all = std::iter::once("unroot".to_owned()).chain(arguments).map(OsString::from);
        let code = cli::run(all, &process).unwrap_or(cli::OUR_FAULT);
        let (output, said) = process.into_written();
        Ran { code, output, said }
    }

    /// What the output of a run has otherwise than standard input.
    #[must_use]
    pub fn differences(&self, ran: &Ran) -> Differences {
        Differences::of(self.files.get("-").map(Vec::as_slice).unwrap_or_default(), &ran.output)
    }
}

/// What came of a run.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Ran {
    code: u8,
    output: Vec<u8>,
    said: String,
}

#[wasm_bindgen]
impl Ran {
    /// The exit code.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Standard output.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn output(&self) -> Vec<u8> {
        self.output.clone()
    }

    /// How many bytes there are on standard output.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn size(&self) -> usize {
        self.output.len()
    }

    /// Standard error.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn said(&self) -> String {
        self.said.clone()
    }
}
