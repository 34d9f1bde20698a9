//! The `sealkeep` command: client-core for a terminal. It parses, asks, and prints; it decides nothing.
//!
//! ```text
//!  arguments, environment, file    terminal, --secrets-fd, environment
//!        |                                     |
//! args, settings, database_url              prompt   Secrets
//!        |                                     |
//!        +---------> commands/NAME.rs <--------+
//!                      |    ^    |
//!              options |    |    +-------------+-----------------+
//!                      v    | report, Error    |                 |
//!          client_core::ops +                  | Plain, JSON     | Error
//!                |                             v                 v
//!                | Event                render::Output     main, exit_code
//!                v                             |                 |
//!     progress, progress_lines                 v                 v
//!                |                      stdout::Stdout        stderr
//!                v
//!              stderr
//! ```
//!
//! `main` builds the runtime, one `ops::Client`, and the `commands::Context` for every command. The first SIGINT,
//! SIGTERM or SIGHUP cancels the client's token: the operation stops and leaves no session on a database. A second one
//! ends the process.
//!
//! - An option: `args`; one that the configuration file may give: `config` and `settings`. The complete help is also in a file, `help.txt`, which a test compares.
//! - A secret: `prompt::Secrets`, from a descriptor, the environment or the terminal, never from an argument.
//! - A database URL: `database_url`, which refuses a password where other users can read it.
//! - Text that includes foreign values: the macro `plain!`. There is no other way for text to reach `render::Output`.
//! - A result: `render::Output::result`, text or one JSON document: a type of `documents`, which has a JSON Schema. A dump: `stdout::Stdout::for_dump`.
//!   A story compares the documents' keys with the file `json.txt`.
//! - Progress: `progress` draws a line, `progress_lines` prints lines. A result ends it: `render::Reporter`.
//! - A failure: return the `Error`. `main` prints it and exits with the code that `exit_code` has for its kind.
//!
//! ```text
//! layers
//! commands
//! progress progress_lines prompt
//! render
//! table
//! complete man settings
//! plain stdout usage
//! config groups
//! args database_url documents exit_code wrap
//! reference
//! ```

mod args;
mod commands;
mod complete;
mod config;
mod database_url;
mod documents;
mod exit_code;
mod groups;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod help;
mod man;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod mentions;
mod plain;
mod progress;
mod progress_lines;
mod prompt;
mod reference;
mod render;
mod settings;
mod stdout;
mod table;
mod usage;
mod wrap;

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use clap::{FromArgMatches, error::ErrorKind as ClapKind};
use client_core::{
    error::Error,
    event::Observer,
    ops::{self as client, Client},
    process_guard::guard_memory,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

use crate::{
    args::{Cli, Command, ProgressForm},
    commands::Context,
    plain::Plain,
    progress::Progress,
    progress_lines::{Form, Lines},
    prompt::{Secret, Secrets},
    render::{Output, Reporter},
    settings::Settings,
    stdout::Stdout,
};

fn main() -> ExitCode {
    guard_memory();
    match complete::answered() {
        Ok(false) => {}
        Ok(true) => return ExitCode::from(exit_code::DONE),
        // A shell that completes shows nothing that we say.
        Err(_) => return ExitCode::from(exit_code::USAGE),
    }
    let parsed = command().try_get_matches().and_then(|typed| Ok((Cli::from_arg_matches(&typed)?, typed)));
    let (cli, typed) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return refused(&error),
    };
    let before = Output::new(cli.global.json, Arc::new(Progress::new(false, true)));
    // What is generated from the arguments' definitions needs no settings.
    if let Some(printed) = commands::manual::run(&cli.command) {
        return ended(&before, printed);
    }
    let settings = match Settings::effective(&cli.global, &typed) {
        Ok(settings) => settings,
        Err(error) => return ended(&before, Err(error)),
    };
    if matches!(cli.command, Command::Config) {
        return ended(&before, commands::config::run(&before, &settings));
    }
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("SEALKEEP_LOG")
                .or_else(|_| EnvFilter::try_from_default_env())
                .unwrap_or_else(|_| EnvFilter::new("off")),
        )
        // Logs how long each stage was busy and idle.
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(render::Log)
        .init();
    let form = settings.progress.unwrap_or(ProgressForm::Auto);
    let quiet = cli.global.quiet || form == ProgressForm::None;
    let shown = form == ProgressForm::Auto && !quiet && !cli.global.json && render::is_watched();
    let (observer, reporter) = match form {
        ProgressForm::Plain => both(Lines::new(Form::Plain)),
        ProgressForm::Json => both(Lines::new(Form::Json)),
        ProgressForm::Auto | ProgressForm::None => both(Progress::new(shown, quiet)),
    };
    let output = Output::new(cli.global.json, reporter);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::internal("the asynchronous runtime", &e))
        .and_then(|runtime| runtime.block_on(run(cli, settings, output.clone(), observer)));
    ended(&output, outcome)
}

/// The exit code; prints the error.
fn ended(output: &Output, outcome: Result<(), Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::from(exit_code::DONE),
        Err(error) => {
            output.error(&error);
            exit_code::of(error.kind())
        }
    }
}

/// What receives events also ends its report before the result.
fn both<T: Observer + Reporter + 'static>(progress: T) -> (Arc<dyn Observer>, Arc<dyn Reporter>) {
    let progress = Arc::new(progress);
    (Arc::<T>::clone(&progress), progress)
}

/// What can be typed here.
fn command() -> clap::Command {
    let command = groups::command();
    if prompt::can_ask() { args::with_questions(command) } else { command }
}

/// Help goes to standard output in color. An error quotes what was typed, which may be a file's name.
fn refused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return help(error);
    }
    // clap treats a variable that is set like a typed option, and then shows it as required in the usage. Its text has
    // paragraphs, so no argument may add one.
    let typed = std::env::args_os().map(|argument| argument.to_string_lossy().replace('\n', "\\n"));
    let typed_only = command()
        .mut_args(|argument| argument.env(None::<&'static str>))
        .try_get_matches_from(typed)
        .err()
        .filter(clap::Error::use_stderr);
    let error = typed_only.as_ref().unwrap_or(error);
    let text = error.render().to_string();
    let json = std::env::args_os().any(|argument| argument == "--json");
    // A command that needs another word is answered with its help.
    if error.kind() == ClapKind::DisplayHelpOnMissingArgumentOrSubcommand && !json {
        drop(render::note(&Plain::lines(text.trim_end())));
        return ExitCode::from(exit_code::USAGE);
    }
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let (error, usage) = usage::error(&text, &usage::command_of(&command(), words));
    Output::new(json, Arc::new(Progress::new(false, true))).error(&error);
    if let Some(usage) = usage.filter(|_| !json) {
        drop(render::note(&Plain::lines(format_args!("\n{usage}"))));
    }
    ExitCode::from(exit_code::USAGE)
}

fn help(text: &clap::Error) -> ExitCode {
    let printed = match Stdout::open() {
        // Lines are written once complete, and help ends with a newline.
        Ok(_) => text.print(),
        Err(closed) => {
            drop(render::note(&plain!("sealkeep: {}", closed.happened())));
            return exit_code::of(closed.kind());
        }
    };
    match printed {
        Ok(()) => ExitCode::from(exit_code::DONE),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(exit_code::BROKEN_PIPE),
        Err(e) => {
            let error = Error::io("standard output", &e);
            drop(render::note(&plain!("sealkeep: {}", error.happened())));
            exit_code::of(error.kind())
        }
    }
}

async fn run(cli: Cli, settings: Settings, output: Output, observer: Arc<dyn Observer>) -> Result<(), Error> {
    let Cli { global, command } = cli;
    let cancel = CancellationToken::new();
    tokio::spawn(cancel_on_signal(cancel.clone()));
    let secrets = Secrets::open(global.secrets_fd, cancel.clone())?;
    let client = Client::new(
        client::Settings {
            home: settings.home,
            server: settings.server,
            storage_origin: settings.storage_origin,
            stall: Duration::from_secs(settings.stall_timeout.into()),
            patience: Duration::from_secs(settings.patience.into()),
            keystore_passphrase: secrets.given(Secret::KeystorePassphrase),
        },
        observer,
        cancel,
    )?;
    if settings.server_is_typed {
        client.refuse_other_service()?;
    }
    let context = Context { client, secrets, output, limit_upload: settings.limit_upload };
    match command {
        Command::Signup(arguments) => commands::signup::run(&context, arguments).await,
        Command::Login(arguments) => commands::login::run(&context, arguments).await,
        Command::Logout(arguments) => commands::logout::run(&context, arguments).await,
        Command::Devices(arguments) => commands::devices::run(&context, arguments).await,
        Command::Backup(arguments) => commands::backup::run(&context, arguments).await,
        Command::Snapshots(arguments) => commands::snapshots::run(&context, arguments).await,
        Command::Restore(arguments) => commands::restore::run(&context, arguments).await,
        Command::Check(arguments) => commands::check::run(&context, arguments).await,
        Command::Index(arguments) => commands::index::run(&context, arguments).await,
        Command::Status => commands::status::run(&context).await,
        Command::Source(arguments) => commands::source::run(&context, arguments).await,
        Command::Schedule(arguments) => commands::schedule::run(&context, arguments).await,
        Command::Runs(arguments) => commands::runs::list(&context, arguments),
        Command::Logs(arguments) => commands::runs::log(&context, &arguments),
        Command::Debug(arguments) => commands::debug::run(&context, arguments).await,
        Command::Config | Command::Completions { .. } | Command::Man { .. } | Command::Schema => Ok(()),
    }
}

/// Ctrl-C, SIGTERM and a closing terminal end the dump and leave no session on the database; a second signal ends the
/// process at once, along with the programs that it started.
async fn cancel_on_signal(cancel: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let follows_hangup = !hangup_is_ignored();
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return;
    };
    for first in [true, false] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv(), if follows_hangup => {}
        }
        if first {
            cancel.cancel();
        } else {
            std::process::exit(130);
        }
    }
}

/// Whether this process was started to outlive its terminal, as by `nohup`. Check before installing a signal handler,
/// which would stop it from being ignored.
fn hangup_is_ignored() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & HANGUP != 0)
}
