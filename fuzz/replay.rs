//! Runs kept cases without libFuzzer: `cargo run --package unroot-fuzz --example replay TARGET FILE...`. Says of each that
//! fails what does not hold; `--try N` beside a target tries so many random changes of each file as well.

use std::error::Error;
use std::fs;
use std::panic::catch_unwind;
use std::process::ExitCode;

use unroot_fuzz::{case, configuration, edits, filter, readers, verbs};

type Property = fn(&[u8]) -> Result<(), String>;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut changes = 0;
    if let Some(at) = arguments.iter().position(|argument| argument == "--try") {
        changes = arguments.get(at + 1).ok_or("--try takes a number")?.parse()?;
        arguments.drain(at..at + 2);
    }
    let (target, files) = arguments.split_first().ok_or("give a target and files")?;
    let (hold, head): (Property, usize) = match target.as_str() {
        "readers" => (|case| readers::hold(case).map(drop), 0),
        "edits" => (|case| edits::hold(case).map(drop), case::HEAD),
        "filter" => (|case| filter::hold(case).map(drop), case::HEAD),
        "verbs" => (|case| verbs::hold(case).map(drop), case::HEAD),
        "configuration" => (|case| configuration::hold(case).map(drop), 0),
        _ => return Err(format!("there is no target {target}").into()),
    };
    let mut failed = 0;
    for file in files {
        let original = fs::read(file)?;
        for change in 0..=changes {
            let case = if change == 0 { original.clone() } else { case::near(&original, head, change) };
            let said = catch_unwind(|| hold(&case)).unwrap_or_else(|_| Err("a panic".to_owned()));
            if let Err(said) = said {
                failed += 1;
                println!("=== {file}, change {change}: {said}");
            }
        }
    }
    println!("{failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
