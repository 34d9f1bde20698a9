//! Completions and man pages, generated from the argument definitions.

use std::{fs, path::Path};

use client_core::{error::Error, output};

use crate::{args::Command, complete, documents, groups, man, render};

/// Runs one of these commands; `None` for any other.
pub(crate) fn run(command: &Command) -> Option<Result<(), Error>> {
    match command {
        Command::Completions { shell } => Some(completions(*shell)),
        Command::Man { dir } => Some(pages(dir)),
        Command::Schema => Some(schema()),
        _ => None,
    }
}

/// Prints a completion script.
fn completions(shell: clap_complete::Shell) -> Result<(), Error> {
    let script = complete::script(shell).map_err(|e| Error::internal("the completion script", &e))?;
    render::print(&script)
}

/// Prints the JSON Schema of all documents.
fn schema() -> Result<(), Error> {
    let text = documents::schema().map_err(|e| Error::internal("the JSON Schema", &e))?;
    render::print(text.as_bytes())
}

/// Writes `sealkeep.1` and one page per command.
fn pages(dir: &Path) -> Result<(), Error> {
    let failed = |e| Error::io(&dir.display().to_string(), &e);
    fs::create_dir_all(dir).map_err(failed)?;
    let mut command = groups::command().disable_help_subcommand(true);
    command.build();
    write(&command, dir)
}

/// Writes the pages of a command and of those below it. An existing page is replaced completely or not at all.
fn write(command: &clap::Command, dir: &Path) -> Result<(), Error> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let text = man::page(command).map_err(|e| Error::internal("a man page", &e))?;
    output::save(&dir.join(format!("{name}.1")), &text, 0o644)?;
    command.get_subcommands().filter(|sub| !sub.is_hide_set()).try_for_each(|sub| write(sub, dir))
}
