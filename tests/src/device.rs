//! A machine with the `sealkeep` command and its own home.

use std::{
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    authenticator::Authenticator,
    binaries,
    call::{Call, Running},
    failure::{Failure, Result},
    files,
    postgres::Postgres,
    service::Service,
};

/// What the account holder knows and keeps on paper.
pub struct Account {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The second factor.
    pub authenticator: Authenticator,
    /// The ten recovery codes.
    pub recovery_codes: Vec<String>,
    /// The 24 recovery words.
    pub recovery_words: String,
}

/// A machine; dropping it removes its files.
pub struct Device {
    home: TempDir,
    program: PathBuf,
    server: String,
}

impl Device {
    /// A machine that has never contacted the service.
    ///
    /// # Errors
    /// The build of the command fails.
    pub fn new(service: &Service) -> Result<Self> {
        Self::with_server(service.url())
    }

    /// A machine that uses another server address.
    ///
    /// # Errors
    /// The build of the command fails.
    pub fn with_server(server: &str) -> Result<Self> {
        Ok(Self { home: files::temporary()?, program: binaries::sealkeep()?, server: server.to_owned() })
    }

    /// A second machine with a copy of this one's keys and state, like a thief's or an older disk image.
    ///
    /// # Errors
    /// The file system's.
    pub fn copy(&self) -> Result<Self> {
        let copy =
            Self { home: files::temporary()?, program: self.program.clone(), server: self.server.clone() };
        files::copy(&self.home(), &copy.home())?;
        Ok(copy)
    }

    /// Its home directory, with keys and state.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.home.path().join("sealkeep")
    }

    /// A directory for other files.
    #[must_use]
    pub fn desk(&self) -> &Path {
        self.home.path()
    }

    /// Prepares `sealkeep --json ARGUMENTS`; of this process's environment it inherits only the path.
    pub fn call<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Call {
        self.call_plain(
            [OsString::from("--json")]
                .into_iter()
                .chain(arguments.into_iter().map(|a| a.as_ref().to_owned())),
        )
    }

    /// The same with output for people.
    pub fn call_plain<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Call {
        let arguments: Vec<OsString> = arguments.into_iter().map(|a| a.as_ref().to_owned()).collect();
        let shown = arguments.iter().map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut command = self.prepared(self.program.as_os_str());
        command.args(arguments);
        Call { command, stdin: None, shown: format!("sealkeep {shown}") }
    }

    /// A shell script in the same environment; `$SEALKEEP` is the command.
    #[must_use]
    pub fn shell(&self, script: &str) -> Call {
        let mut command = self.prepared(OsStr::new("sh"));
        command.args(["-c", script]).env("SEALKEEP", &self.program);
        Call { command, stdin: None, shown: script.to_owned() }
    }

    fn prepared(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        command.env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.home.path())
            .env("SEALKEEP_HOME", self.home())
            .env("SEALKEEP_SERVER", &self.server)
            // Scaled: no test waits a quarter of an hour.
            .env("SEALKEEP_PATIENCE", "15");
        command.env("LC_ALL", "C").current_dir(self.home.path());
        command
    }

    /// The same, started through another program such as `nohup`.
    pub fn call_under<S: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Call {
        let mut call = self.call(arguments);
        let mut command = Command::new(program);
        command
            .arg(call.command.get_program())
            .args(call.command.get_args())
            .env_clear()
            .stdin(Stdio::null());
        command.envs(call.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.home.path());
        call.command = command;
        call
    }

    /// `backup postgres://…`
    pub fn backup(&self, postgres: &Postgres, database: &str) -> Call {
        self.call(["backup", &postgres.url(database)]).env("PGPASSWORD", postgres.password())
    }

    /// `backup --stdin --name NAME` with these bytes.
    pub fn backup_bytes(&self, name: &str, bytes: &[u8]) -> Call {
        self.call(["backup", "--stdin", "--name", name]).stdin(bytes)
    }

    /// `restore SNAPSHOT --to` a new file on the desk.
    pub fn restore_to(&self, snapshot: &str, file: &str) -> Call {
        self.call([
            OsStr::new("restore"),
            OsStr::new(snapshot),
            OsStr::new("--to"),
            self.desk().join(file).as_os_str(),
        ])
    }

    /// Restores into memory.
    ///
    /// # Errors
    /// The command's.
    pub fn restore_bytes(&self, snapshot: &str) -> Result<Vec<u8>> {
        Self::to_memory(self.call_plain(["restore", snapshot, "--stdout"]))
    }

    /// Restores a source's newest snapshot into memory.
    ///
    /// # Errors
    /// The command's.
    pub fn restore_latest(&self, source: &str) -> Result<Vec<u8>> {
        Self::to_memory(self.call_plain(["restore", "latest", "--source", source, "--stdout"]))
    }

    fn to_memory(call: Call) -> Result<Vec<u8>> {
        let outcome = call.go()?;
        if outcome.code == 0 { Ok(outcome.stdout) } else { Err(Failure::new(outcome.to_string())) }
    }

    /// `restore SNAPSHOT --into postgres://…`
    pub fn restore_into(&self, snapshot: &str, postgres: &Postgres, database: &str) -> Call {
        self.call(["restore", snapshot, "--into", &postgres.url(database)])
            .env("PGPASSWORD", postgres.password())
    }

    /// Ids of its snapshots in list order.
    ///
    /// # Errors
    /// The command's.
    pub fn snapshots(&self) -> Result<Vec<String>> {
        let document = self.call(["snapshots"]).ok()?;
        list(&document, "snapshots")?.iter().map(|s| text(s, "id").map(str::to_owned)).collect()
    }

    /// Creates an account with a made-up address and password, as a person would: scan, enter the code, write the words
    /// down, enter three of them.
    ///
    /// # Errors
    /// The command's.
    pub fn sign_up(&self, region: &str) -> Result<Account> {
        self.sign_up_printed(region).map(|(account, _)| account)
    }

    /// As [`Device::sign_up`], with every document that the command printed.
    ///
    /// # Errors
    /// What the command said.
    pub fn sign_up_printed(&self, region: &str) -> Result<(Account, Vec<Value>)> {
        self.sign_up_as("first", region)
    }

    /// Like [`Device::sign_up`], for another account on the same machine.
    ///
    /// # Errors
    /// The command's.
    pub fn sign_up_again(&self, region: &str) -> Result<Account> {
        self.sign_up_as("second", region).map(|(account, _)| account)
    }

    fn sign_up_as(&self, who: &str, region: &str) -> Result<(Account, Vec<Value>)> {
        let (account, mut conversation) = self.sign_up_to_the_words(who, region)?;
        let asked = conversation.event("confirm_words")?;
        let words: Vec<&str> = account.recovery_words.split_whitespace().collect();
        let answer: Vec<&str> = list(&asked, "positions")?
            .iter()
            .filter_map(|p| words.get(usize::try_from(p.as_u64()?).ok()?.checked_sub(1)?).copied())
            .collect();
        conversation.say(&answer.join(" "))?;
        conversation.event("signed_up")?;
        Ok((account, conversation.end()?))
    }

    /// A sign-up that is interrupted after the words were shown, before three of them are entered.
    ///
    /// # Errors
    /// The command's.
    pub fn sign_up_interrupted(&self, region: &str) -> Result<Account> {
        let (account, mut conversation) = self.sign_up_to_the_words("first", region)?;
        conversation.event("confirm_words")?;
        conversation.running.child.kill().map_err(|e| Failure::new(e.to_string()))?;
        Ok(account)
    }

    fn sign_up_to_the_words(&self, who: &str, region: &str) -> Result<(Account, Conversation)> {
        let seed = [who.as_bytes(), self.home.path().as_os_str().as_encoded_bytes()].concat();
        let unique = files::sha256_of(&seed);
        let email = format!("{}@example.com", &unique.get(..16).unwrap_or_default());
        let password = format!("horse staple {}", unique.get(16..32).unwrap_or_default());
        let mut call = self.call(["signup", "--email", &email, "--region", region]);
        call.command.env("SEALKEEP_PASSWORD", &password);
        let mut conversation = Conversation::start(call)?;
        let totp = conversation.event("totp")?;
        let authenticator = Authenticator::from_url(text(&totp, "otpauth_url")?)?;
        conversation.say(&authenticator.code())?;
        let codes = conversation.event("recovery_codes")?;
        let recovery_codes =
            list(&codes, "codes")?.iter().filter_map(|c| Some(c.as_str()?.to_owned())).collect();
        let recovery_words = text(&conversation.event("recovery_words")?, "words")?.to_owned();
        Ok((Account { email, password, authenticator, recovery_codes, recovery_words }, conversation))
    }

    /// Runs `login` with everything the account holder knows, as on the worst day.
    ///
    /// # Errors
    /// The command's.
    pub fn sign_in(&self, account: &Account) -> Result<Value> {
        self.login_call(account).env("SEALKEEP_TOTP", account.authenticator.code()).ok()
    }

    /// `login` with password and words; the caller adds the second factor.
    pub fn login_call(&self, account: &Account) -> Call {
        self.call(["login", "--email", &account.email])
            .env("SEALKEEP_PASSWORD", &account.password)
            .env("SEALKEEP_RECOVERY_WORDS", &account.recovery_words)
    }
}

/// Answers the questions of a running call.
struct Conversation {
    running: Running,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    stdin: std::process::ChildStdin,
    printed: Vec<Value>,
}

impl Conversation {
    fn start(mut call: Call) -> Result<Self> {
        call.command.stdin(Stdio::piped());
        let mut running = call.start()?;
        let stdout = running.child.stdout.take().ok_or_else(|| Failure::new("no standard output"))?;
        let stdin = running.child.stdin.take().ok_or_else(|| Failure::new("no standard input"))?;
        Ok(Self { running, lines: BufReader::new(stdout).lines(), stdin, printed: Vec::new() })
    }

    fn event(&mut self, name: &str) -> Result<Value> {
        let Some(line) = self.lines.next() else {
            let mut said = String::new();
            if let Some(stderr) = self.running.child.stderr.as_mut() {
                let _ = std::io::Read::read_to_string(stderr, &mut said);
            }
            return Err(Failure::new(format!("{} ended before {name}: {said}", self.running.shown)));
        };
        let document: Value = serde_json::from_str(&line?)?;
        self.printed.push(document.clone());
        if document.get("event").and_then(Value::as_str) == Some(name) {
            Ok(document)
        } else {
            Err(Failure::new(format!("{}: expected {name}, got {document}", self.running.shown)))
        }
    }

    fn say(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.stdin, "{line}")?)
    }

    /// All that it printed.
    fn end(self) -> Result<Vec<Value>> {
        drop((self.lines, self.stdin));
        let outcome = self.running.wait()?;
        if outcome.code == 0 { Ok(self.printed) } else { Err(Failure::new(outcome.to_string())) }
    }
}

/// A text field.
///
/// # Errors
/// There is no such field.
pub fn text<'a>(document: &'a Value, name: &str) -> Result<&'a str> {
    document
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::new(format!("no text {name} in {document}")))
}

/// A number field.
///
/// # Errors
/// There is no such field.
pub fn number(document: &Value, name: &str) -> Result<u64> {
    document
        .get(name)
        .and_then(Value::as_u64)
        .ok_or_else(|| Failure::new(format!("no number {name} in {document}")))
}

/// A list field.
///
/// # Errors
/// There is no such field.
pub fn list<'a>(document: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    document
        .get(name)
        .and_then(Value::as_array)
        .ok_or_else(|| Failure::new(format!("no list {name} in {document}")))
}
