//! Secrets: from the terminal, a file descriptor or the environment; never from an argument.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Write},
};

use client_core::error::{Error, ErrorKind};
use secrecy::SecretString;

/// One value that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Secret {
    /// The account's password.
    Password,
    /// Six digits of the authenticator.
    Totp,
    /// One of the ten recovery codes, in place of the six digits.
    RecoveryCode,
    /// The 24 words.
    RecoveryWords,
    /// Seals the key file of a headless device.
    KeystorePassphrase,
}

impl Secret {
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::Totp => "TOTP",
            Self::RecoveryCode => "RECOVERY_CODE",
            Self::RecoveryWords => "RECOVERY_WORDS",
            Self::KeystorePassphrase => "KEYSTORE_PASSPHRASE",
        }
    }

    const fn question(self) -> &'static str {
        match self {
            Self::Password => "Password: ",
            Self::Totp => "Six-digit code: ",
            Self::RecoveryCode => "Recovery code: ",
            Self::RecoveryWords => "Recovery words (24): ",
            Self::KeystorePassphrase => "Passphrase of this device's key file: ",
        }
    }
}

/// Where secrets come from in this process.
pub(crate) struct Secrets {
    given: HashMap<String, SecretString>,
}

impl Secrets {
    /// Reads the descriptor, when one was named.
    pub(crate) fn open(descriptor: Option<u32>) -> Result<Self, Error> {
        let mut given = HashMap::new();
        if let Some(fd) = descriptor {
            let file = File::open(format!("/dev/fd/{fd}"))
                .map_err(|e| Error::usage(format!("cannot read secrets from file descriptor {fd}: {e}")))?;
            for line in BufReader::new(file).lines() {
                let line = line.map_err(|e| {
                    Error::usage(format!("cannot read secrets from file descriptor {fd}: {e}"))
                })?;
                if let Some((name, value)) = line.split_once('=') {
                    given.insert(name.trim_start_matches("SEALKEEP_").to_owned(), value.to_owned().into());
                }
            }
        }
        Ok(Self { given })
    }

    /// The secret when it was given without asking.
    pub(crate) fn given(&self, secret: Secret) -> Option<SecretString> {
        if let Some(value) = self.given.get(secret.name()) {
            return Some(value.clone());
        }
        std::env::var(format!("SEALKEEP_{}", secret.name())).ok().filter(|v| !v.is_empty()).map(Into::into)
    }

    /// The secret, asked for on the terminal when it was not given.
    pub(crate) fn get(&self, secret: Secret) -> Result<SecretString, Error> {
        match self.given(secret) {
            Some(value) => Ok(value),
            None => ask_hidden(secret.question(), secret.name()),
        }
    }

    /// A new password, asked for twice on a terminal.
    pub(crate) fn new_password(&self) -> Result<SecretString, Error> {
        use secrecy::ExposeSecret;
        if let Some(value) = self.given(Secret::Password) {
            return Ok(value);
        }
        loop {
            let first = ask_hidden("New password: ", Secret::Password.name())?;
            let second = ask_hidden("Once more: ", Secret::Password.name())?;
            if first.expose_secret() == second.expose_secret() {
                return Ok(first);
            }
            note("They differ.")?;
        }
    }
}

fn ask_hidden(question: &str, name: &str) -> Result<SecretString, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "{} is needed, and there is no terminal to ask on",
                name.to_lowercase().replace('_', " ")
            ),
            "nothing was changed",
            format!("set SEALKEEP_{name}, or pass it as a line {name}=… through --secrets-fd"),
        ));
    }
    rpassword::prompt_password(question).map(Into::into).map_err(|e| Error::io("the terminal", &e))
}

/// A line from standard input; the question goes to the terminal's error stream.
pub(crate) fn ask_line(question: &str) -> Result<String, Error> {
    if io::stdin().is_terminal() {
        note_inline(question)?;
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).map_err(|e| Error::io("standard input", &e))?;
    if read == 0 {
        return Err(Error::usage(format!("input ended where an answer was expected: {}", question.trim())));
    }
    Ok(line.trim().to_owned())
}

/// Says something to a person, beside the command's result.
pub(crate) fn note(text: &str) -> Result<(), Error> {
    writeln!(io::stderr(), "{text}").map_err(|e| Error::io("the terminal", &e))
}

fn note_inline(text: &str) -> Result<(), Error> {
    let mut stderr = io::stderr();
    write!(stderr, "{text}").and_then(|()| stderr.flush()).map_err(|e| Error::io("the terminal", &e))
}
