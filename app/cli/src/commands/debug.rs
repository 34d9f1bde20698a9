//! `sealkeep debug`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use client_core::{
    error::{Error, ErrorKind},
    ops::debug_bundle,
    text,
};

use super::{Context, backup::absolute};
use crate::{
    args::{Debug, DebugAction},
    documents, plain, prompt, render,
};

const NAME: &str = "sealkeep-debug.txt";

pub(crate) async fn run(context: &Context, arguments: Debug) -> Result<(), Error> {
    let DebugAction::Bundle { to, yes } = arguments.action;
    let path = absolute(&to.unwrap_or_else(|| PathBuf::from(NAME)))?;
    let bundle = debug_bundle::collect(&context.client, &super::program()?);
    if !yes {
        if !prompt::can_ask() {
            return Err(Error::new(
                ErrorKind::Usage,
                text!("there is no terminal to ask on"),
                "nothing was written",
                "add --yes; the file holds no secrets",
            ));
        }
        let mut text = plain!("The file will hold:");
        for part in &bundle.parts {
            text.push(&plain!("\n  - {}", part.about));
        }
        text.push(&plain!("\nIt will not hold {}.", bundle.lacks));
        render::remark(&text)?;
        let answer = context.secrets.ask_line(&plain!("Write {}? [y/N] ", path.display())).await?;
        if !(answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")) {
            return Err(Error::new(
                ErrorKind::Cancelled,
                text!("stopped"),
                "nothing was written",
                "run it again when you want the file",
            ));
        }
    }
    let failed = |e: io::Error| {
        if e.kind() == io::ErrorKind::AlreadyExists {
            return Error::new(
                ErrorKind::Exists,
                text!("{path} already exists", path = path.display()),
                "nothing was changed",
                "name another file with --to",
            );
        }
        Error::io(&path.display().to_string(), &e)
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    if let Err(e) = file.write_all(bundle.text.as_bytes()).and_then(|()| file.sync_all()) {
        drop(fs::remove_file(&path));
        return Err(failed(e));
    }
    let bytes = bundle.text.len();
    let holds = bundle.parts.iter().map(|part| part.about).collect();
    let document = documents::Bundle { file: path.clone(), bytes, holds };
    context.output.result(&document, || {
        plain!("Wrote {} ({} bytes). Nothing was sent: read it before you pass it on.", path.display(), bytes)
    })
}
