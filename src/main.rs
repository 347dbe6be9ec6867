//! The process edge: arguments, streams and the exit code. Nothing else touches the process.

mod cli;

use std::io::{self, IsTerminal, Read, Write};
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};

use cli::{Cli, Command, Filter};
use unroot::filter::Exit;
use unroot::krm::results::summary;
use unroot::krm::{Finding, Severity};
use unroot::{Given, Outcome};

/// A bug of ours, or a stream that cannot be written.
const OUR_FAULT: u8 = 3;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes help and version to standard output, errors to standard error; colour is compiled out.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Unusable as u8 } else { Exit::Done as u8 });
        }
    };
    match catch_unwind(|| run(cli)) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(error)) => {
            say(&format!("unroot: {error:#}"));
            ExitCode::from(OUR_FAULT)
        }
        Err(_) => {
            say("unroot: this is a bug of unroot; please report it with the input");
            ExitCode::from(OUR_FAULT)
        }
    }
}

fn run(cli: Cli) -> Result<u8> {
    match cli.command {
        None => filter(&cli.filter),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "unroot", &mut script);
            write_all(|out| out.write_all(&script))?;
            Ok(Exit::Done as u8)
        }
        Some(Command::Check(_)) => Ok(not_yet("check")),
        Some(Command::Plan(_)) => Ok(not_yet("plan")),
    }
}

fn not_yet(command: &str) -> u8 {
    say(&format!("unroot: `{command}` is not yet in this version"));
    Exit::Unusable as u8
}

fn filter(arguments: &Filter) -> Result<u8> {
    if io::stdin().is_terminal() {
        say(&Cli::command().render_long_help().to_string());
        return Ok(Exit::Unusable as u8);
    }
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input).map_err(fault).context("standard input cannot be read")?;
    let name = arguments.config.as_ref().map(|path| path.display().to_string());
    let file = arguments.config.as_deref().zip(name.as_deref()).map(|(path, name)| (name, read(path)));
    let outcome = unroot::filter(&input, &Given { file, words: &arguments.words });
    report(&outcome.findings);
    write(&outcome)?;
    Ok(outcome.exit as u8)
}

/// The bytes of a file, or why there are none in words that are the same on every system.
fn read(path: &Path) -> std::result::Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("the file cannot be read: {}", reason(&error)))
}

fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::IsADirectory => "it is a folder",
        io::ErrorKind::BrokenPipe => "the reader has gone",
        io::ErrorKind::StorageFull => "no space is left",
        _ => "an I/O error",
    }
}

fn fault(error: io::Error) -> anyhow::Error {
    anyhow::anyhow!(reason(&error))
}

fn write(outcome: &Outcome<'_>) -> Result<()> {
    let pieces = outcome.pieces();
    write_all(|out| pieces.iter().try_for_each(|piece| out.write_all(piece.as_str().as_bytes())))
}

fn write_all(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    // Large slices pass through the buffer untouched; it is for the small pieces between them.
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(fault).context("standard output cannot be written")
}

/// Findings, one line each, then the summary.
fn report(findings: &[Finding]) {
    let coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut text = String::new();
    for finding in findings {
        let line = finding.to_string();
        let tag = finding.severity.as_str().len() + 2;
        if coloured {
            let style = style_of(finding.severity);
            text.push_str(&format!("{style}{}{style:#}{}\n", &line[..tag], &line[tag..]));
        } else {
            text.push_str(&format!("{line}\n"));
        }
    }
    text.push_str(&summary(findings));
    say(&text);
}

fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Info => AnsiColor::Cyan.on_default(),
    }
}

/// A line on standard error; if nobody can read it, there is nobody to tell.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
