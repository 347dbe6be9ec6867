//! Writes the man pages of the command and of its subcommands into a folder: `cargo run --example man FOLDER`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("the folder to write to must be given")?;
    fs::create_dir_all(&folder)?;
    let mut command = unroot::cli::definition().disable_help_subcommand(true);
    command.build();
    write(&folder, "unroot", &command)?;
    for subcommand in command.get_subcommands() {
        write(&folder, &format!("unroot-{}", subcommand.get_name()), subcommand)?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, command: &Command) -> Result<()> {
    let after = command.get_after_long_help().map(ToString::to_string);
    let man = Man::new(command.clone().after_long_help(None::<&str>).display_name(name.to_owned()))
        .source(concat!("unroot ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page)?;
    // Its lines are broken by hand and its columns aligned, so it is shown as it stands.
    if let Some(text) = after {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES, KEYS AND EXIT CODES"]).control("nf", []);
        for line in text.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []).to_writer(&mut page)?;
    }
    fs::write(folder.join(format!("{name}.1")), page).with_context(|| folder.display().to_string())
}
