//! The process edge: arguments, streams and the exit code. Nothing else touches the process.

mod cli;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};

use cli::{Check, CheckOutput, Cli, Command, Filter, Plan, PlanOutput};
use unroot::check::{Options, Sieve, Source};
use unroot::filter::Exit;
use unroot::krm::form::MAX_INPUT;
use unroot::krm::results::summary;
use unroot::krm::{Finding, Severity};
use unroot::report::Output;
use unroot::{Given, Outcome};

/// What Rust's own standard library uses where a platform brings nothing. With musl's own a run takes nearly twice the time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

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
        Some(Command::Check(arguments)) => check(&arguments),
        Some(Command::Plan(arguments)) => plan(&arguments),
    }
}

fn filter(arguments: &Filter) -> Result<u8> {
    if io::stdin().is_terminal() {
        say(&Cli::command().render_long_help().to_string());
        return Ok(Exit::Unusable as u8);
    }
    let input = whole(io::stdin().lock()).map_err(fault).context("standard input cannot be read")?;
    let name = arguments.config.as_ref().map(|path| path.display().to_string());
    let file = arguments.config.as_deref().zip(name.as_deref()).map(|(path, name)| (name, read(path)));
    let outcome = unroot::filter(&input, &Given { file, words: &arguments.words });
    report(&outcome.findings, &[], 0);
    write(&outcome)?;
    Ok(outcome.exit as u8)
}

fn check(arguments: &Check) -> Result<u8> {
    let output = match arguments.output {
        CheckOutput::Text => Output::Text,
        CheckOutput::Jsonl => Output::Jsonl,
        CheckOutput::Sarif => Output::Sarif,
        CheckOutput::Html => Output::Html,
    };
    let is_stdin = |file: &PathBuf| file.as_os_str() == "-";
    let from_stdin = arguments.since.iter().filter(|file| is_stdin(file)).count();
    if from_stdin > 1 || (from_stdin == 1 && (arguments.files.is_empty() || arguments.files.iter().any(is_stdin))) {
        say("unroot: standard input cannot be read twice: give --since OLD or FILE as a file");
        return Ok(Exit::Unusable as u8);
    }
    let Some(inputs) = inputs("check", &arguments.files, arguments.config.is_none()) else {
        return Ok(Exit::Unusable as u8);
    };
    let sources = sources(&inputs);
    let older = if arguments.since.is_empty() { Some(Vec::new()) } else { inputs_of(&arguments.since, true) };
    let Some(older) = older else { return Ok(Exit::Unusable as u8) };
    let name = arguments.config.as_ref().map(|path| path.display().to_string());
    let config = arguments.config.as_deref().zip(name.as_deref()).map(|(path, name)| (name, read(path)));
    let (level, version) = (arguments.level, arguments.version);
    let outcome = unroot::check(&sources, &Options { level, version, output, config, since: self::sources(&older) });
    report(&outcome.findings, &outcome.differences, outcome.violations);
    write_all(|out| out.write_all(outcome.report.as_bytes()))?;
    Ok(outcome.exit as u8)
}

fn plan(arguments: &Plan) -> Result<u8> {
    let output = match arguments.output {
        PlanOutput::Text if is_coloured(&io::stdout()) => unroot::plan::Output::ColouredText,
        PlanOutput::Text => unroot::plan::Output::Text,
        PlanOutput::Json => unroot::plan::Output::Json,
        PlanOutput::Config => unroot::plan::Output::Config,
        PlanOutput::Stages => unroot::plan::Output::Stages,
        PlanOutput::Html => unroot::plan::Output::Html,
    };
    // The others carry a configuration out, which may be about any resource.
    let only_judges = matches!(arguments.output, PlanOutput::Text | PlanOutput::Json);
    let Some(inputs) = inputs("plan", &arguments.files, only_judges) else { return Ok(Exit::Unusable as u8) };
    let sources = sources(&inputs);
    let name = arguments.config.as_ref().map(|path| path.display().to_string());
    let config = arguments.config.as_deref().zip(name.as_deref()).map(|(path, name)| (name, read(path)));
    let outcome = unroot::plan(&sources, &unroot::plan::Options { output, config });
    report(&outcome.findings, &[], 0);
    write_all(|out| out.write_all(outcome.report.as_bytes()))?;
    Ok(outcome.exit as u8)
}

/// The bytes of all files with their names; None, said on standard error, where there is nothing to read.
/// Where pods are only judged, without what no pod depends on.
fn inputs(command: &str, files: &[PathBuf], only_judges: bool) -> Option<Vec<(String, Vec<u8>)>> {
    if files.is_empty() && io::stdin().is_terminal() {
        help_of(command);
        return None;
    }
    let standard_input = [PathBuf::from("-")];
    inputs_of(if files.is_empty() { &standard_input } else { files }, only_judges)
}

fn sources(inputs: &[(String, Vec<u8>)]) -> Vec<Source<'_>> {
    inputs.iter().map(|(name, bytes)| Source { name, bytes }).collect()
}

/// The bytes of these files with their names; None, said on standard error, where one cannot be read.
fn inputs_of(files: &[PathBuf], only_judges: bool) -> Option<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let bytes = match (only_judges, name.as_str()) {
            (false, "-") => whole(io::stdin().lock()).map_err(unreadable_input),
            (false, _) => read(file),
            (true, "-") => sifted(io::stdin().lock()).map_err(unreadable_input),
            (true, _) => File::open(file).and_then(sifted).map_err(unreadable_file),
        };
        match bytes {
            Ok(bytes) => inputs.push((name, bytes)),
            Err(why) => {
                say(&format!("unroot: {name}: {why}"));
                return None;
            }
        }
    }
    Some(inputs)
}

/// The help of a command on standard error: there is nothing to read.
fn help_of(command: &str) {
    let mut cli = Cli::command();
    cli.build();
    if let Some(command) = cli.find_subcommand_mut(command) {
        say(&command.render_long_help().to_string());
    }
}

/// The bytes of a file, or why there are none in words that are the same on every system.
fn read(path: &Path) -> std::result::Result<Vec<u8>, String> {
    File::open(path).and_then(whole).map_err(unreadable_file)
}

/// An input, of which one that is too large is not read any further.
fn whole(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_INPUT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An input without what no pod depends on; what is left of one that is too large is not read any further.
fn sifted(mut input: impl Read) -> io::Result<Vec<u8>> {
    const BLOCK: usize = 256 * 1024;
    let mut sieve = Sieve::default();
    loop {
        match input.read(sieve.room(BLOCK)) {
            Ok(0) => return Ok(sieve.finish()),
            Ok(length) => {
                sieve.sift(length);
                if sieve.kept() > MAX_INPUT {
                    return Ok(sieve.finish());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn unreadable_file(error: io::Error) -> String {
    format!("the file cannot be read: {}", reason(&error))
}

fn unreadable_input(error: io::Error) -> String {
    format!("standard input cannot be read: {}", reason(&error))
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

/// Findings, one line each, then the summary, in which what the report on standard output tells counts too.
fn report(findings: &[Finding], reported: &[Finding], reported_errors: usize) {
    let coloured = is_coloured(&io::stderr());
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
    text.push_str(&summary(&[findings, reported].concat(), reported_errors));
    say(&text);
}

fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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
