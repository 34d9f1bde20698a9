//! Secrets: from the terminal, a file descriptor or the environment; never from an argument.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal},
    thread,
    time::Duration,
};

use client_core::{
    crypto::{InvalidWords, Typed, check_typed},
    error::{Error, ErrorKind},
    text,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::{
    plain,
    plain::Plain,
    render::{is_watched, note, question},
};

/// The terminal of this process, whatever its standard streams are.
const TERMINAL: &str = "/dev/tty";
/// Maximum number of pasted lines: a whole kit has about 40.
const MAX_LINES: usize = 200;
/// The rest of a paste arrives within this time.
const PASTE_TIMEOUT: Duration = Duration::from_millis(200);
/// Time for a hidden prompt to notice Ctrl-C and restore the terminal.
const HIDDEN_PROMPT_TIMEOUT: Duration = Duration::from_millis(500);

/// How many lines a hidden answer has.
#[derive(Clone, Copy)]
enum Lines {
    One,
    /// All until this function says that it is complete.
    Until(fn(&str) -> bool),
}

/// Whether a person is there to answer: pipes and timers get an error instead of a question.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && is_watched()
}

/// A secret value to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Secret {
    /// The account's password.
    Password,
    /// Six digits of the authenticator.
    Totp,
    /// One of the ten recovery codes, instead of the six digits.
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
            Self::Totp => "6-digit code: ",
            Self::RecoveryCode => "Recovery code: ",
            Self::RecoveryWords => "Recovery words (type or paste all 24, on one or more lines): ",
            Self::KeystorePassphrase => "Passphrase of this device's key file: ",
        }
    }

    const fn lines(self) -> Lines {
        match self {
            Self::RecoveryWords => Lines::Until(are_whole),
            _ => Lines::One,
        }
    }
}

/// Where this process gets secrets and answers from.
pub(crate) struct Secrets {
    given: HashMap<String, SecretString>,
    cancel: CancellationToken,
}

impl Secrets {
    /// Reads the descriptor, if one was given.
    pub(crate) fn open(descriptor: Option<u32>, cancel: CancellationToken) -> Result<Self, Error> {
        let mut given = HashMap::new();
        if let Some(fd) = descriptor {
            let file = File::open(format!("/dev/fd/{fd}")).map_err(|e| {
                Error::usage(text!("cannot read secrets from file descriptor {fd}: {e}", fd, e))
            })?;
            for line in BufReader::new(file).lines() {
                let line = line.map_err(|e| {
                    Error::usage(text!("cannot read secrets from file descriptor {fd}: {e}", fd, e))
                })?;
                if let Some((name, value)) = line.split_once('=') {
                    given.insert(name.trim_start_matches("SEALKEEP_").to_owned(), value.to_owned().into());
                }
            }
        }
        Ok(Self { given, cancel })
    }

    /// The secret, if it was provided without a prompt.
    pub(crate) fn given(&self, secret: Secret) -> Option<SecretString> {
        if let Some(value) = self.given.get(secret.name()).filter(|value| !value.expose_secret().is_empty()) {
            return Some(value.clone());
        }
        std::env::var(format!("SEALKEEP_{}", secret.name())).ok().filter(|v| !v.is_empty()).map(Into::into)
    }

    /// The secret; prompts for it on the terminal if it was not provided.
    pub(crate) async fn get(&self, secret: Secret) -> Result<SecretString, Error> {
        match self.given(secret) {
            Some(value) => Ok(value),
            None => self.ask_hidden(secret, secret.question(), secret.lines()).await,
        }
    }

    /// A new password; a terminal prompt asks twice.
    pub(crate) async fn new_password(&self) -> Result<SecretString, Error> {
        if let Some(value) = self.given(Secret::Password) {
            return Ok(value);
        }
        loop {
            let first = self.ask_hidden(Secret::Password, "New password: ", Lines::One).await?;
            let second = self.ask_hidden(Secret::Password, "Repeat password: ", Lines::One).await?;
            if first.expose_secret() == second.expose_secret() {
                return Ok(first);
            }
            note(&plain!("Passwords don't match."))?;
        }
    }

    /// Reads a line from standard input; the question goes to standard error.
    pub(crate) async fn ask_line(&self, asked: &Plain) -> Result<String, Error> {
        if io::stdin().is_terminal() {
            question(asked)?;
        }
        let line = self
            .answered(|| {
                let mut line = String::new();
                let read = io::stdin().lock().read_line(&mut line)?;
                Ok((read > 0).then(|| line.trim().to_owned()))
            })
            .await?;
        line.ok_or_else(|| no_answer(asked.as_str().trim()))
    }

    async fn ask_hidden(
        &self,
        secret: Secret,
        asked: &'static str,
        lines: Lines,
    ) -> Result<SecretString, Error> {
        if !io::stdin().is_terminal() {
            let name = secret.name();
            return Err(Error::new(
                ErrorKind::Usage,
                text!(
                    "{to_lowercase} is needed, and there is no terminal to ask on",
                    to_lowercase = name.to_lowercase().replace('_', " ")
                ),
                "nothing was changed",
                format!("pass it as a line {name}=… through --secrets-fd, or set SEALKEEP_{name}"),
            ));
        }
        let answer = self
            .answered(move || match lines {
                Lines::One => rpassword::prompt_password(asked).map(Some),
                Lines::Until(is_complete) => read_lines(asked, is_complete).map(Some),
            })
            .await?;
        answer.map(Into::into).ok_or_else(|| no_answer(asked.trim()))
    }

    /// Waits for the user. Ctrl-C and SIGTERM stop the wait and restore the terminal.
    async fn answered<T: Send + 'static>(
        &self,
        ask: impl FnOnce() -> io::Result<Option<T>> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let terminal = Terminal::remember();
        let (sender, mut answer) = oneshot::channel();
        // A thread of its own: a read from a terminal cannot be interrupted, and nothing waits for it on exit.
        thread::spawn(move || drop(sender.send(ask())));
        let answered = tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            answered = &mut answer => Some(answered),
        };
        if answered.is_none() {
            // A hidden prompt that notices Ctrl-C later than we do would reset the terminal after us.
            drop(tokio::time::timeout(HIDDEN_PROMPT_TIMEOUT, answer).await);
        }
        match answered {
            Some(Ok(Ok(answer))) => Ok(answer),
            Some(Ok(Err(e))) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            // A hidden prompt handles Ctrl-C itself, and may be the first to notice it.
            Some(Ok(Err(e))) if e.kind() != io::ErrorKind::Interrupted => Err(Error::io("the terminal", &e)),
            Some(Err(_)) => Err(Error::internal_text("the question was lost")),
            None | Some(Ok(Err(_))) => {
                terminal.restore();
                question(&plain!("\n"))?;
                Err(Error::new(
                    ErrorKind::Cancelled,
                    text!("stopped"),
                    "nothing was changed by this step",
                    "run the command again",
                ))
            }
        }
    }
}

fn no_answer(asked: &str) -> Error {
    Error::usage(text!("input ended where an answer was expected: {asked}", asked))
}

/// Whether these are 24 words, correct or not. A kit has more words from the list around them.
fn are_whole(text: &str) -> bool {
    let Typed { recognized, problem } = check_typed(text);
    recognized == 24 && matches!(problem, None | Some(InvalidWords::Checksum))
}

/// Reads the hidden lines of one paste, until they are complete or an empty line follows. Discards the rest of the
/// paste: the shell must not get it.
fn read_lines(asked: &str, is_complete: fn(&str) -> bool) -> io::Result<String> {
    let terminal = Terminal::remember();
    terminal.hide();
    let mut text = String::with_capacity(16 * 1024);
    let mut read = rpassword::prompt_password(asked);
    for _ in 0..MAX_LINES {
        let line = Zeroizing::new(match read {
            Ok(line) => line,
            Err(e) => {
                terminal.restore();
                return Err(e);
            }
        });
        text.push_str(&line);
        text.push('\n');
        if is_complete(&text) || line.trim().is_empty() && !terminal.has_more() {
            break;
        }
        read = rpassword::prompt_password("");
    }
    thread::sleep(PASTE_TIMEOUT);
    terminal.restore();
    Ok(text)
}

/// The terminal that started this process, and its settings before the prompt.
struct Terminal(Option<(File, Termios)>);

impl Terminal {
    fn remember() -> Self {
        let terminal = File::options().read(true).write(true).open(TERMINAL).ok();
        Self(terminal.and_then(|file| tcgetattr(&file).ok().map(|set| (file, set))))
    }

    /// Turns echo off.
    fn hide(&self) {
        if let Some((file, set)) = &self.0 {
            let mut hidden = set.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            // If this fails the prompt itself fails, too, and reports why.
            let _ = tcsetattr(file, OptionalActions::Now, &hidden);
        }
    }

    /// Whether another line is already available: people type more slowly than a paste arrives.
    fn has_more(&self) -> bool {
        let Some((file, _)) = &self.0 else { return false };
        let mut ready = [PollFd::new(file, PollFlags::IN)];
        let pause = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        poll(&mut ready, Some(&pause)).is_ok_and(|found| found > 0)
    }

    /// Restores the settings, and discards unread input: it is half a secret.
    fn restore(&self) {
        if let Some((file, set)) = &self.0 {
            let _ = tcsetattr(file, OptionalActions::Flush, set);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{io::Write, os::fd::AsRawFd};

    use super::*;

    fn secrets(text: &str) -> Result<Secrets, Error> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let file = File::open(file.path()).unwrap();
        Secrets::open(Some(file.as_raw_fd().try_into().unwrap()), CancellationToken::new())
    }

    fn given(secrets: &Secrets, secret: Secret) -> Option<String> {
        secrets.given(secret).map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn a_descriptor_gives_secrets_by_name() {
        let text = "PASSWORD=a=b c \nSEALKEEP_TOTP=123456\nno secret\n\nRECOVERY_WORDS=\nOTHER=x\n";
        let secrets = secrets(text).unwrap();
        // All that follows the first equals sign counts, blanks too.
        assert_eq!(given(&secrets, Secret::Password).as_deref(), Some("a=b c "));
        assert_eq!(given(&secrets, Secret::Totp).as_deref(), Some("123456"));
        assert_eq!(given(&secrets, Secret::RecoveryWords), None, "an empty one is none");
        assert_eq!(given(&secrets, Secret::RecoveryCode), None);
    }

    #[test]
    fn a_descriptor_that_is_closed_or_no_text_is_refused_without_its_content() {
        let closed = Secrets::open(Some(9_999), CancellationToken::new()).map(drop).unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::Usage);
        assert!(closed.happened().contains("9999"), "{}", closed.happened());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"PASSWORD=hunter2\xff\n").unwrap();
        let file = File::open(file.path()).unwrap();
        let fd = file.as_raw_fd().try_into().unwrap();
        let refused = Secrets::open(Some(fd), CancellationToken::new()).map(drop).unwrap_err();
        assert!(!refused.happened().contains("hunter2"), "{}", refused.happened());
    }

    #[test]
    fn every_secret_has_its_name_and_question() {
        let all = [
            Secret::Password,
            Secret::Totp,
            Secret::RecoveryCode,
            Secret::RecoveryWords,
            Secret::KeystorePassphrase,
        ];
        for secret in all {
            assert!(secret.name().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{secret:?}");
            assert!(secret.question().ends_with(": "), "{secret:?}");
            assert_eq!(matches!(secret.lines(), Lines::Until(_)), secret == Secret::RecoveryWords);
        }
    }

    #[test]
    fn a_paste_is_complete_with_its_24th_word() {
        let words = ["abandon"; 24].join(" ");
        assert!(are_whole(&words), "wrong words are complete, too");
        assert!(!are_whole(&["abandon"; 23].join(" ")));
        let numbered: Vec<String> = (1..=24).map(|number| format!("{number} abandon")).collect();
        assert!(are_whole(&numbered.join("\n")));
        assert!(!are_whole(""));
    }
}
