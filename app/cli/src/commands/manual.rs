//! Completions and man pages, generated from the argument definitions.

use std::{fs, path::Path};

use clap::CommandFactory;
use client_core::{error::Error, output};

use crate::{
    args::{Cli, Command},
    complete, documents, render,
};

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
    // Generated elsewhere first: an existing page is replaced completely or not at all.
    let made = tempfile::tempdir().map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), made.path()).map_err(failed)?;
    for page in fs::read_dir(made.path()).map_err(failed)? {
        let page = page.map_err(failed)?;
        let text = fs::read(page.path()).map_err(failed)?;
        output::save(&dir.join(page.file_name()), &text, 0o644)?;
    }
    Ok(())
}
