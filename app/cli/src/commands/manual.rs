//! Completions and man pages, made from the arguments themselves.

use std::{fs, io, path::Path};

use clap::CommandFactory;
use client_core::error::Error;

use crate::args::Cli;

/// Prints a completion script.
pub(crate) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "sealkeep", &mut io::stdout());
}

/// Writes `sealkeep.1` and one page per command.
pub(crate) fn pages(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), dir))
        .map_err(|e| Error::io(&dir.display().to_string(), &e))
}
