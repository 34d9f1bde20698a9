//! The command's output on a terminal, including hostile text.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::ffi::OsStrExt,
    thread,
};

use api_types::{Region, VaultId};
use client_core::{
    crypto::{AccountSecret, RecoveryWords},
    kit::{Kit, KitOwner},
};
use e2e::{Authenticator, Call, Device, Outcome, Stage, Terminal, data};
use secrecy::ExposeSecret;

/// Clears the screen, sets the clipboard, reverses a line, ends it, hides text in it.
const HOSTILE: &str =
    "esc\x1b[31mred\x1b[2J\x1b]52;c;eA==\x07\u{9b}5m\u{202e}\u{2066}\u{200b}\u{2028}\r\nSNAPSHOT\tfake\u{7f}";

/// Whether a terminal shows this character as itself.
fn is_shown(c: char) -> bool {
    c == '\n'
        || !(c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'))
}

/// Nothing in the output controls the terminal.
fn assert_shown(outcome: &Outcome) {
    for said in [&String::from_utf8_lossy(&outcome.stdout).into_owned(), &outcome.stderr] {
        let acts: Vec<char> = said.chars().filter(|c| !is_shown(*c)).collect();
        assert!(acts.is_empty(), "{acts:?} in {said:?}");
    }
}

fn goes(call: Call) -> String {
    let outcome = call.go().unwrap();
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_shown(&outcome);
    String::from_utf8(outcome.stdout).unwrap()
}

fn fails(call: Call) -> String {
    let outcome = call.go().unwrap();
    assert_ne!(outcome.code, 0, "{outcome}");
    assert_shown(&outcome);
    format!("{}{}", String::from_utf8_lossy(&outcome.stdout), outcome.stderr)
}

/// Names of files, sources, devices, databases and tables reach the terminal as plain text, in tables, sentences,
/// errors and JSON alike.
// case: terminal-escape-in-names
#[test]
fn names_cannot_control_the_terminal() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let file = device.desk().join(format!("{HOSTILE}.sql").replace('/', "_"));
    fs::write(&file, "-- a file\n").unwrap();
    let bytes = device.desk().join(OsStr::from_bytes(b"not\xff\xfeutf-8\x1b[2J"));
    fs::write(&bytes, "bytes").unwrap();
    goes(device.call_plain([OsStr::new("backup"), OsStr::new("--file"), file.as_os_str()]));
    let said = goes(device.call_plain([OsStr::new("backup"), OsStr::new("--file"), bytes.as_os_str()]));
    assert!(said.contains("not\\xff\\xfeutf-8\\u{1b}[2J"), "{said}");

    // Two sources, so two rows and a heading.
    let listed = goes(device.call_plain(["snapshots"]));
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("esc\\u{1b}[31mred"), "{listed}");
    assert_eq!(goes(device.call(["snapshots"])).lines().count(), 1);
    goes(device.call_plain(["status"]));
    goes(device.call(["status"]));
    fails(device.call_plain(["restore", "latest", "--source", HOSTILE, "--to", "out"]));
    fails(device.call_plain(["restore", HOSTILE, "--to", "out"]));
    fails(device.call_plain(["backup", "--file", HOSTILE]));
    fails(device.call_plain(["backup", HOSTILE]));
    fails(device.call_plain(["backup", "--file", "x", HOSTILE]));
    fails(device.call_plain([HOSTILE]));
    goes(device.call_plain(["snapshots"]).env("SEALKEEP_LOG", "trace"));

    // A device's own name.
    let other = Device::new(&stage.service).unwrap();
    let named = "dev\x1b]0;title\x07\u{202e}\u{9b}2J";
    goes(
        other
            .call_plain(["login", "--email", &account.email, "--device-name", named])
            .env("SEALKEEP_PASSWORD", &account.password)
            .env("SEALKEEP_RECOVERY_WORDS", &account.recovery_words)
            .env("SEALKEEP_TOTP", account.authenticator.code()),
    );
    let devices = goes(device.call_plain(["devices"]));
    // The service removes C0 controls from a name; we escape the rest.
    assert!(devices.contains("]0;title") && devices.contains("\\u{202e}"), "{devices}");
    goes(device.call(["devices"]));

    // A database and a table, in messages of pg_dump and psql.
    let postgres = &stage.postgres;
    let database = "db\x1b[2J\u{202e}x";
    data::fill(postgres, database, 1).unwrap();
    let table = "create table \"t\x1b[2J\u{9b}\" (i int); create role \"r\x1b[2J\" login";
    postgres.sql(database, table).unwrap();
    let url = |user: &str| {
        let encoded: String = database.bytes().map(|b| format!("%{b:02X}")).collect();
        format!("postgres://{user}@127.0.0.1:{}/{encoded}", postgres.port())
    };
    let with_password = |url: &str| device.call_plain(["backup", url]).env("PGPASSWORD", postgres.password());
    goes(with_password(&url("owner")));
    fails(with_password(&url("r%1B%5B2J")));
    goes(device.call_plain(["snapshots"]));
}

/// Text from the service is untrusted too.
#[test]
fn a_hostile_service_cannot_write_to_the_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 65536]));
            let title = serde_json::Value::from(HOSTILE);
            let body = format!(
                r#"{{"type":"about:blank","title":{title},"status":400,"code":"invalid_request","request_id":{title}}}"#
            );
            let answer = format!(
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    let device = Device::with_server(&format!("http://{address}")).unwrap();
    for call in [
        device.call_plain(["login", "--email", "a@example.com"]),
        device.call(["login", "--email", "a@example.com"]),
    ] {
        let said = fails(call.env("SEALKEEP_PASSWORD", "p").env("SEALKEEP_TOTP", "123456"));
        assert!(said.contains("[31mred"), "{said}");
    }
}

/// The kit as saved by the app. Its account secret opens nothing here: the words alone do.
fn kit(words: &str) -> Kit {
    let owner = KitOwner {
        email: "a@example.com".to_owned(),
        vault: VaultId::from_bytes([7; 16]),
        region: Region::Eu,
        service: "https://api.example.com".to_owned(),
        created: 1_790_000_000,
    };
    let words = RecoveryWords::parse(words).unwrap();
    Kit::new(owner, &words, &AccountSecret::try_from([7; 16].as_slice()).unwrap()).unwrap()
}

#[test]
fn ctrl_c_ends_every_prompt_and_leaves_the_terminal_as_it_was() {
    let stage = Stage::shared().unwrap();
    let (_, account) = stage.new_account().unwrap();
    let new = || Device::new(&stage.service).unwrap();
    let login = ["login", "--email", &account.email];
    let signup = ["signup", "--email", "somebody@example.com", "--region", "eu"];
    let (password, code) = (&account.password, || account.authenticator.code());
    // (call, earlier questions with answers; the question left unanswered)
    let one = new();
    let calls = [
        (one.call_plain(login), "Password: "),
        (one.call_plain(signup), "New password: "),
        (one.call_plain(login).env("SEALKEEP_PASSWORD", password), "6-digit code, or a recovery code: "),
        (
            one.call_plain(login).env("SEALKEEP_PASSWORD", password).env("SEALKEEP_TOTP", code()),
            "Recovery words",
        ),
        (one.call_plain(["--json", "login", "--email", &account.email]), "Password: "),
    ];
    for (call, question) in calls {
        let mut terminal = Terminal::start(&call, 80).unwrap();
        if question.starts_with("6-digit") {
            terminal.expect(question).unwrap();
        } else {
            terminal.expect_hidden(question).unwrap();
        }
        terminal.type_in("half\x03").unwrap();
        assert_eq!(terminal.end().unwrap(), 130, "{question}: {}", terminal.screen());
        assert!(terminal.is_as_usual().unwrap(), "{question}");
        let screen = terminal.screen();
        assert!(screen.contains("stopped"), "{screen}");
        let last = screen.rsplit(question).next().unwrap();
        assert!(last.contains('\n'), "output continues on the prompt's line: {screen:?}");
    }
    // Every question of a sign-up in turn.
    for unanswered in ["Repeat password: ", "6-digit code: ", "to confirm that you wrote them down: "] {
        let device = new();
        let email = format!("signup-{}@example.com", uuid::Uuid::new_v4().simple());
        let signup = device.call_plain(["signup", "--email", &email, "--region", "eu"]);
        let mut terminal = Terminal::start(&signup, 80).unwrap();
        let mut asked = ["New password: ", "Repeat password: ", "6-digit code: "].into_iter();
        let asked = asked.by_ref().take_while(|question| *question != unanswered);
        for question in asked {
            let answer = if question.starts_with("6-digit") {
                terminal.expect(question).unwrap();
                let screen = terminal.screen();
                let link = screen.split_whitespace().find(|word| word.starts_with("otpauth:")).unwrap();
                Authenticator::from_url(link).unwrap().code()
            } else {
                terminal.expect_hidden(question).unwrap();
                "a long enough password".to_owned()
            };
            terminal.type_in(&format!("{answer}\n")).unwrap();
        }
        if unanswered.starts_with("Repeat") {
            terminal.expect_hidden(unanswered).unwrap();
        } else {
            terminal.expect(unanswered).unwrap();
        }
        terminal.type_in("\x03").unwrap();
        assert_eq!(terminal.end().unwrap(), 130, "{unanswered}: {}", terminal.screen());
        assert!(terminal.is_as_usual().unwrap(), "{unanswered}");
        assert!(!terminal.screen().contains("a long enough"), "a password was shown");
        // Once the account exists, another sign-up would be refused.
        assert_eq!(terminal.screen().contains("`sealkeep login`"), unanswered.starts_with("to confirm"));
    }
}

/// All lines of a paste belong to the question; none is left for the shell, and none is shown.
#[test]
fn a_pasted_kit_is_read_whole() {
    let stage = Stage::shared().unwrap();
    let (_, account) = stage.new_account().unwrap();
    let saved = kit(&account.recovery_words);
    let kit = saved.text().expose_secret().to_owned();
    let first = account.recovery_words.split(' ').next().unwrap();
    let device = Device::new(&stage.service).unwrap();
    let call =
        device.call_plain(["login", "--email", &account.email]).env("SEALKEEP_PASSWORD", &account.password);
    let mut terminal = Terminal::start(&call, 80).unwrap();
    terminal.expect("6-digit code, or a recovery code: ").unwrap();
    terminal.type_in(&format!("{}\n", account.recovery_codes[3])).unwrap();
    terminal.expect_hidden("Recovery words").unwrap();
    terminal.type_in(&kit).unwrap();
    assert_eq!(terminal.end().unwrap(), 0, "{}", terminal.screen());
    assert!(
        !terminal.screen().contains(first) && !terminal.screen().contains("AGE-SECRET"),
        "{}",
        terminal.screen()
    );
    assert!(terminal.is_as_usual().unwrap());

    // Both saved files, and the numbered words on one line.
    for (name, file, code) in [("kit.txt", kit.as_bytes(), 0), ("kit.pdf", &saved.pdf().unwrap(), 2)] {
        let other = Device::new(&stage.service).unwrap();
        fs::write(other.desk().join(name), file).unwrap();
        let call = other.call(["login", "--email", &account.email, "--kit", name]);
        call.env("SEALKEEP_PASSWORD", &account.password)
            .env("SEALKEEP_RECOVERY_CODE", account.recovery_codes.get(code).unwrap())
            .ok()
            .unwrap();
    }
    let third = Device::new(&stage.service).unwrap();
    third
        .call(["login", "--email", &account.email])
        .env("SEALKEEP_PASSWORD", &account.password)
        .env("SEALKEEP_RECOVERY_CODE", account.recovery_codes.get(1).unwrap())
        .env("SEALKEEP_RECOVERY_WORDS", kit.replace('\n', " "))
        .ok()
        .unwrap();
}

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    device.backup_bytes("note", b"x").ok().unwrap();
    for arguments in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["snapshots"],
        &["devices"],
        &["status"],
        &["--json", "snapshots"],
        &["check"],
        &["--help"],
        &["--version"],
        &["restore", "nonsense"],
    ] {
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let outcome = device.call_plain(arguments).stdout_into(write).unwrap();
        assert!(!outcome.stderr.contains("panicked") && !outcome.stderr.contains("Broken pipe"), "{outcome}");
        assert!([141, 0, 2].contains(&outcome.code), "{outcome}");
        // Nor does a command whose errors nobody reads.
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let code = device.call_plain(arguments).stderr_into(write).unwrap();
        assert!([0, 2].contains(&code), "{arguments:?}: {code}");
    }
}

#[test]
fn a_typo_gets_a_suggestion() {
    let stage = Stage::shared().unwrap();
    let (device, account) = stage.new_account().unwrap();
    let id = device.backup_bytes("ledger", b"x").ok().unwrap();
    let id = e2e::device::text(&id, "snapshot_id").unwrap().to_owned();
    device.backup_bytes("shop", b"y").ok().unwrap();
    fs::write(device.desk().join("dump.sql"), "x").unwrap();
    let next =
        |call: Call, code| e2e::device::text(&call.refused(code).unwrap(), "next_step").unwrap().to_owned();
    for command in [
        &["snapshots", "--source", "nosuch"][..],
        &["restore", "latest", "--source", "nosuch", "--to", "out"],
        &["index", "records", "--source", "nosuch"],
    ] {
        assert_eq!(next(device.call(command), 7), "the sources are: ledger, shop");
    }
    assert!(next(device.call(["backup", "dump.sql"]), 2).contains("sealkeep backup --file dump.sql"));
    assert!(next(device.call(["backup", "not/there.gz"]), 2).contains("sealkeep backup --file"));
    assert!(next(device.call(["restore", "dump.sql", "--to", "out"]), 2).contains("--to"));

    // The newest of a source, or of a day; no day but today has one.
    device.restore_to("shop@latest", "shop").ok().unwrap();
    assert_eq!(fs::read(device.desk().join("shop")).unwrap(), b"y");
    assert_eq!(next(device.restore_to("latest", "out"), 7), "choose one: `ledger@latest`, `shop@latest`");
    let nearest = next(device.restore_to("ledger@2001-02-03", "out"), 7);
    let today = nearest.strip_prefix("the nearest days with one: `").unwrap().trim_end_matches('`');
    device.restore_to(today, "today").ok().unwrap();
    assert_eq!(fs::read(device.desk().join("today")).unwrap(), b"x");
    assert_eq!(next(device.restore_to("nosuch@latest", "out"), 7), "the sources are: ledger, shop");

    // Ids may be abbreviated, in any case.
    device.restore_to(&id[..4].to_uppercase(), "a").ok().unwrap();
    device.restore_to(&id, "b").ok().unwrap();
    let lost = Device::new(&stage.service).unwrap();
    lost.call(["login", "--email", &account.email, "--device-name", "lost laptop"])
        .env("SEALKEEP_PASSWORD", &account.password)
        .env("SEALKEEP_RECOVERY_WORDS", &account.recovery_words)
        .env("SEALKEEP_RECOVERY_CODE", account.recovery_codes.first().unwrap())
        .ok()
        .unwrap();
    assert!(next(device.call(["devices", "revoke", "nosuch"]), 7).contains("sealkeep devices"));
    let own = e2e::member::Member::of(&lost, &stage.service).unwrap().device_id;
    let revoked = device.call(["devices", "revoke", &own[..13].to_uppercase()]).ok().unwrap();
    assert_eq!(revoked.get("revoked").unwrap().as_str().unwrap(), own);
}

/// Nothing of the progress line remains above a result, and an error stands alone.
#[test]
fn progress_disappears_when_it_ends() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    fs::write(device.desk().join("dump.sql"), vec![b'x'; 1 << 20]).unwrap();
    for (arguments, result) in [
        (&["backup", "--file", "dump.sql"][..], "Snapshot "),
        (&["restore", "latest", "--to", "out"], "Restored "),
        (&["check"], "snapshots, "),
    ] {
        let mut terminal = Terminal::start(&device.call_plain(arguments), 100).unwrap();
        assert_eq!(terminal.end().unwrap(), 0, "{}", terminal.screen());
        let screen = terminal.screen();
        let before = screen.split(result).next().unwrap();
        // The line was erased, and nothing was written on it since.
        let rest = before.rsplit("\x1b[2K").next().unwrap();
        assert!(
            rest.trim_matches(|c: char| c.is_ascii_digit() || c.is_whitespace()).is_empty(),
            "{screen:?}"
        );
    }
}

/// For programs: every line on standard error is an object, and the sums of a stage are complete at its end.
#[test]
fn progress_can_be_read_by_a_program() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    fs::write(device.desk().join("dump.sql"), vec![b'x'; 1 << 20]).unwrap();
    let reported = |arguments: &[&str], stage: &str| {
        let outcome = device.call(arguments).go().unwrap();
        assert_eq!(outcome.code, 0, "{outcome}");
        let lines: Vec<serde_json::Value> =
            outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let is = |line: &&serde_json::Value, event: &str| line["event"] == event && line["stage"] == stage;
        assert_eq!(lines.iter().filter(|line| is(line, "stage")).count(), 1, "{outcome}");
        lines.iter().rfind(|line| is(line, "progress")).unwrap()["done_bytes"].as_u64().unwrap()
    };
    assert_eq!(reported(&["backup", "--file", "dump.sql", "--progress=json"], "dump"), 1 << 20);
    assert_eq!(reported(&["restore", "latest", "--to", "back", "--progress=json"], "restore"), 1 << 20);
    let lines = device.call_plain(["check", "--progress=plain"]).go().unwrap().stderr;
    assert!(lines.contains("sealkeep: check"), "{lines}");
    // Read as one stream, everything is JSON, and the last line is the result.
    let both = |arguments: &str| {
        let script = format!("exec \"$SEALKEEP\" {arguments} --progress=json 2>&1");
        let said = String::from_utf8(device.shell(&script).go().unwrap().stdout).unwrap();
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    for arguments in ["--json backup --file dump.sql", "--json check --read-data"] {
        let mut lines = both(arguments);
        let result = lines.pop().unwrap();
        assert!(result["event"].is_null() && result["error"].is_null(), "{result}");
        assert!(!lines.is_empty() && lines.iter().all(|line| line["event"].is_string()), "{lines:?}");
    }
    // So is an error, with --json as the result and without as an event.
    let failed = both("--json restore nosuch@latest --to out").pop().unwrap();
    assert_eq!(failed["error"]["kind"], "not_found", "{failed}");
    let failed = both("restore nosuch@latest --to out").pop().unwrap();
    assert!(failed["event"] == "error" && failed["kind"] == "not_found", "{failed}");
    let none = device.call_plain(["check", "--progress=none"]).go().unwrap();
    assert_eq!((none.code, none.stderr.as_str()), (0, ""));
    fails(device.call_plain(["check", "--quiet", "--progress=json"]));
}

/// Wrapped sentences are indented; text to copy stays in one piece.
#[test]
fn sentences_fit_the_terminal() {
    let stage = Stage::shared().unwrap();
    let device = Device::new(&stage.service).unwrap();
    let mut terminal = Terminal::start(&device.call_plain(["status"]), 60).unwrap();
    assert_ne!(terminal.end().unwrap(), 0);
    let screen = terminal.screen();
    for line in screen.lines() {
        assert!(line.chars().count() <= 60, "{line:?} of {screen:?}");
    }
    for whole in ["this device is not signed in", "`sealkeep login`", "`sealkeep signup`", "\n    "] {
        assert!(screen.contains(whole), "{whole:?} is not in {screen:?}");
    }
    // Without a terminal, each sentence is one line.
    let said = fails(device.call_plain(["status"]));
    assert!(
        said.contains("Next: `sealkeep login` signs in, `sealkeep signup` creates an account."),
        "{said}"
    );
}
