//! The command: arguments in, an exit code out. What it reads and writes is handed to it, so that the binary and the page in
//! a browser are the same command: the same bytes, messages and exit codes.

mod arguments;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use clap::{CommandFactory, Parser};

use crate::check::{self, Sieve};
use crate::filter::{self, Exit, Given, Outcome};
use crate::krm::form::MAX_INPUT;
use crate::krm::results::summary;
use crate::krm::{Finding, Severity};
use crate::plan;
use crate::report;
use crate::sources::Source;
use arguments::{Check, CheckOutput, Cli, Command, Filter, Plan, PlanOutput};

/// The exit code of a bug of ours, or of a stream that cannot be written.
pub const OUR_FAULT: u8 = 3;

/// What is said of a bug of ours.
pub const BUG: &str = "unroot: this is a bug of unroot; please report it with the input";

/// One of the three streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard input.
    Input,
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// What surrounds the command: its streams, and the files that its arguments name.
pub trait Process {
    /// Standard input.
    fn input(&self) -> Box<dyn Read + '_>;

    /// A file.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>>;

    /// Standard output.
    fn output(&self) -> Box<dyn Write + '_>;

    /// Standard error.
    fn error(&self) -> Box<dyn Write + '_>;

    /// Whether a person sits at a stream.
    fn is_terminal(&self, stream: Stream) -> bool;

    /// Whether a stream shows colours.
    fn shows_colours(&self, stream: Stream) -> bool;
}

/// A stream that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Standard input.
    #[error("standard input cannot be read: {0}")]
    Input(&'static str),
    /// Standard output.
    #[error("standard output cannot be written: {0}")]
    Output(&'static str),
}

/// The command with its flags, for man pages.
#[must_use]
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Runs the command; the first argument is its name. Gives the exit code.
///
/// # Errors
/// Where a stream fails.
pub fn run(arguments: impl IntoIterator<Item = OsString>, process: &dyn Process) -> Result<u8, Fault> {
    let run = Run { process };
    match Cli::try_parse_from(arguments) {
        Ok(cli) => run.run(cli),
        Err(error) => {
            // Help and version are no errors. Nobody is told where neither can be written.
            let text = error.render().to_string();
            let mut stream = if error.use_stderr() { process.error() } else { process.output() };
            let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
            Ok(if error.use_stderr() { Exit::Unusable as u8 } else { Exit::Done as u8 })
        }
    }
}

/// One run.
struct Run<'p> {
    process: &'p dyn Process,
}

impl Run<'_> {
    fn run(&self, cli: Cli) -> Result<u8, Fault> {
        match cli.command {
            None => self.filter(&cli.filter),
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "unroot", &mut script);
                self.write_all(|out| out.write_all(&script))?;
                Ok(Exit::Done as u8)
            }
            Some(Command::Check(arguments)) => self.check(&arguments),
            Some(Command::Plan(arguments)) => self.plan(&arguments),
        }
    }

    fn filter(&self, arguments: &Filter) -> Result<u8, Fault> {
        if self.process.is_terminal(Stream::Input) {
            self.say(&Cli::command().render_long_help().to_string());
            return Ok(Exit::Unusable as u8);
        }
        let input = whole(self.process.input()).map_err(|error| Fault::Input(reason(&error)))?;
        let name = arguments.config.as_ref().map(|path| path.display().to_string());
        let file = arguments.config.as_deref().zip(name.as_deref()).map(|(path, name)| (name, self.read(path)));
        let outcome = filter::filter(&input, &Given { file, words: &arguments.words });
        self.report(&outcome.findings, &[], 0);
        self.write(&outcome)?;
        Ok(outcome.exit as u8)
    }

    fn check(&self, arguments: &Check) -> Result<u8, Fault> {
        let output = match arguments.output {
            CheckOutput::Text => report::Output::Text,
            CheckOutput::Jsonl => report::Output::Jsonl,
            CheckOutput::Sarif => report::Output::Sarif,
            CheckOutput::Html => report::Output::Html,
        };
        let is_stdin = |file: &PathBuf| file.as_os_str() == "-";
        let from_stdin = arguments.since.iter().filter(|file| is_stdin(file)).count();
        if from_stdin > 1 || (from_stdin == 1 && (arguments.files.is_empty() || arguments.files.iter().any(is_stdin))) {
            self.say("unroot: standard input cannot be read twice: give --since OLD or FILE as a file");
            return Ok(Exit::Unusable as u8);
        }
        let Some(inputs) = self.inputs("check", &arguments.files, arguments.config.is_none()) else {
            return Ok(Exit::Unusable as u8);
        };
        let older = if arguments.since.is_empty() { Some(Vec::new()) } else { self.inputs_of(&arguments.since, true) };
        let Some(older) = older else { return Ok(Exit::Unusable as u8) };
        let name = arguments.config.as_ref().map(|path| path.display().to_string());
        let config = arguments.config.as_deref().zip(name.as_deref()).map(|(path, name)| (name, self.read(path)));
        let (level, version) = (arguments.level, arguments.version);
        let options = check::Options { level, version, output, config, since: sources(&older) };
        let outcome = check::check(&sources(&inputs), &options);
        self.report(&outcome.findings, &outcome.differences, outcome.violations);
        self.write_all(|out| out.write_all(outcome.report.as_bytes()))?;
        Ok(outcome.exit as u8)
    }

    fn plan(&self, arguments: &Plan) -> Result<u8, Fault> {
        let output = match arguments.output {
            PlanOutput::Text if self.process.shows_colours(Stream::Output) => plan::Output::ColouredText,
            PlanOutput::Text => plan::Output::Text,
            PlanOutput::Json => plan::Output::Json,
            PlanOutput::Config => plan::Output::Config,
            PlanOutput::Stages => plan::Output::Stages,
            PlanOutput::Html => plan::Output::Html,
        };
        // The others carry a configuration out, which may be about any resource.
        let only_judges = matches!(arguments.output, PlanOutput::Text | PlanOutput::Json);
        let Some(inputs) = self.inputs("plan", &arguments.files, only_judges) else {
            return Ok(Exit::Unusable as u8);
        };
        let name = arguments.config.as_ref().map(|path| path.display().to_string());
        let config = arguments.config.as_deref().zip(name.as_deref()).map(|(path, name)| (name, self.read(path)));
        let outcome = plan::plan(&sources(&inputs), &plan::Options { output, config });
        self.report(&outcome.findings, &[], 0);
        self.write_all(|out| out.write_all(outcome.report.as_bytes()))?;
        Ok(outcome.exit as u8)
    }

    /// The bytes of all files with their names; None, said on standard error, where there is nothing to read.
    /// Where pods are only judged, without what no pod depends on.
    fn inputs(&self, command: &str, files: &[PathBuf], only_judges: bool) -> Option<Vec<(String, Vec<u8>)>> {
        if files.is_empty() && self.process.is_terminal(Stream::Input) {
            self.help_of(command);
            return None;
        }
        let standard_input = [PathBuf::from("-")];
        self.inputs_of(if files.is_empty() { &standard_input } else { files }, only_judges)
    }

    /// The bytes of these files with their names; None, said on standard error, where one cannot be read.
    fn inputs_of(&self, files: &[PathBuf], only_judges: bool) -> Option<Vec<(String, Vec<u8>)>> {
        let mut inputs = Vec::new();
        for file in files {
            let name = file.display().to_string();
            let bytes = match (only_judges, name.as_str()) {
                (false, "-") => whole(self.process.input()).map_err(unreadable_input),
                (false, _) => self.read(file),
                (true, "-") => sifted(self.process.input()).map_err(unreadable_input),
                (true, _) => self.process.open(file).and_then(sifted).map_err(unreadable_file),
            };
            match bytes {
                Ok(bytes) => inputs.push((name, bytes)),
                Err(why) => {
                    self.say(&format!("unroot: {name}: {why}"));
                    return None;
                }
            }
        }
        Some(inputs)
    }

    /// The help of a command on standard error: there is nothing to read.
    fn help_of(&self, command: &str) {
        let mut cli = Cli::command();
        cli.build();
        if let Some(command) = cli.find_subcommand_mut(command) {
            self.say(&command.render_long_help().to_string());
        }
    }

    /// The bytes of a file, or why there are none in words that are the same on every system.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.process.open(path).and_then(whole).map_err(unreadable_file)
    }

    fn write(&self, outcome: &Outcome<'_>) -> Result<(), Fault> {
        let pieces = outcome.pieces();
        self.write_all(|out| pieces.iter().try_for_each(|piece| out.write_all(piece.as_str().as_bytes())))
    }

    fn write_all(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Fault> {
        // Large slices pass through the buffer untouched; it is for the small pieces between them.
        let mut out = io::BufWriter::with_capacity(64 * 1024, self.process.output());
        write(&mut out).and_then(|()| out.flush()).map_err(|error| Fault::Output(reason(&error)))
    }

    /// Findings, one line each, then the summary, in which what the report on standard output tells counts too.
    fn report(&self, findings: &[Finding], reported: &[Finding], reported_errors: usize) {
        let coloured = self.process.shows_colours(Stream::Error);
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
        self.say(&text);
    }

    /// A line on standard error; if nobody can read it, there is nobody to tell.
    fn say(&self, text: &str) {
        let _ = writeln!(self.process.error(), "{text}");
    }
}

fn sources(inputs: &[(String, Vec<u8>)]) -> Vec<Source<'_>> {
    inputs.iter().map(|(name, bytes)| Source { name, bytes }).collect()
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
    Fault::Input(reason(&error)).to_string()
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

fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Info => AnsiColor::Cyan.on_default(),
    }
}
