//! The process edge: arguments, streams and the exit code. Nothing else touches the process.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;

use unroot::cli::{self, Process, Stream};

/// What Rust's own standard library uses where a platform brings nothing. With musl's own a run takes nearly twice the time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    match catch_unwind(|| cli::run(std::env::args_os(), &System)) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(fault)) => {
            say(&format!("unroot: {fault}"));
            ExitCode::from(cli::OUR_FAULT)
        }
        Err(_) => {
            say(cli::BUG);
            ExitCode::from(cli::OUR_FAULT)
        }
    }
}

/// A line on standard error; if nobody can read it, there is nobody to tell.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// This process.
struct System;

impl Process for System {
    fn input(&self) -> Box<dyn Read + '_> {
        Box::new(io::stdin().lock())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(path)?))
    }

    fn output(&self) -> Box<dyn Write + '_> {
        Box::new(io::stdout().lock())
    }

    fn error(&self) -> Box<dyn Write + '_> {
        Box::new(io::stderr().lock())
    }

    fn is_terminal(&self, stream: Stream) -> bool {
        match stream {
            Stream::Input => io::stdin().is_terminal(),
            Stream::Output => io::stdout().is_terminal(),
            Stream::Error => io::stderr().is_terminal(),
        }
    }

    fn shows_colours(&self, stream: Stream) -> bool {
        self.is_terminal(stream) && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }
}
