//! What the text tells, and what it must not tell.
#![expect(clippy::unwrap_used, reason = "tests")]

use api_types::RunId;

use super::*;
use crate::{
    ops::{
        client::tests::{offline, signed_in},
        runs::RunKind,
        sources::Edit,
    },
    state::{LogEntry, LogKind, NewRun},
};

#[test]
fn sentences_lose_what_may_be_private() {
    let private = Private {
        texts: vec!["/home/ada/my private dumps/secret plans.sql".to_owned(), "g h".to_owned()],
        words: vec!["db1".to_owned(), "ada".to_owned(), "db.example.com".to_owned()],
    };
    for (text, rest) in [
        ("ada@db.example.com:5433/books refuses the user", "[…] refuses the user"),
        ("/home/ada/my private dumps/secret plans.sql: permission denied", "[…]: permission denied"),
        ("`postgres://ada:hunter299@db/x` password=hunter299 a@example.com", "[…] […] […]"),
        ("Password: PASSWORD=hunter299 HOST=db9", "[…] […] […]"),
        ("password='g h' is wrong", "[…] is wrong"),
        ("the server at \"db1\" (db1:5432), db.example.com. refuses", "the server at […] […] […] refuses"),
        ("role \"ada\" is unknown, the adapter db12 is not", "role […] is unknown, the adapter db12 is not"),
        ("the disk is full", "the disk is full"),
        ("", ""),
    ] {
        assert_eq!(private.hidden(text), rest);
    }
    assert_eq!(origin("https://ada:hunter299@api.example/x?y"), "https://api.example");
    assert_eq!(origin("hunter299"), "unknown");
}

#[test]
fn a_device_without_an_account_has_a_bundle_too() {
    let home = tempfile::tempdir().unwrap();
    let bundle = collect(&offline(home.path()), Path::new("/opt/sealkeep"));
    assert!(bundle.text.contains("signed out"));
    assert_eq!(bundle.parts.len(), bundle.text.matches("\n[").count() + 1);
    assert_eq!(bundle.parts.iter().map(|part| part.bytes).sum::<usize>(), bundle.text.len());
    for part in &bundle.parts {
        assert!(bundle.text.contains(&format!("[{}]\n", part.name)), "{}", part.name);
    }
}

fn add(client: &Client, name: &str, address: &str) -> SavedSource {
    sources::add(client, Some(name.to_owned()), Address::parse(address).unwrap()).unwrap()
}

#[test]
fn no_secret_of_an_account_a_source_or_a_run_is_in_it() {
    let parent = tempfile::tempdir().unwrap();
    let home = parent.path().join("hunter2 home");
    fs::create_dir(&home).unwrap();
    let client = signed_in(&home);
    let mut kept = client.secrets().unwrap();
    kept.email = "hunter201@example.com".to_owned();
    kept.session.as_mut().unwrap().access = "hunter202".to_owned().into();
    client.keystore().put(&kept).unwrap();

    let url = "postgres://hunter203:hunter204@hunter205.example:5433/hunter206?sslpassword=hunter207";
    let shop = add(&client, "shop", url);
    let edited = "host='hunter205.example' port=5433 user=hunter203 password='hunter2 08 x' dbname=hunter209";
    sources::edit(&client, shop.id, Edit { address: Some(edited), ..Edit::default() }).unwrap();
    add(&client, "files", "/srv/hunter210 dumps/my hunter211.sql");
    // Somebody took a password for a name, and an address.
    add(&client, "hunter2 08 x", "postgres://h/x");
    add(&client, "postgres://hunter212@h/x", "postgres://h/y");

    let run = RunId::from_bytes([7; 16]);
    let vault = client.open().unwrap();
    let odd = NewRun {
        id: run,
        kind: RunKind::Backup,
        source: Some("postgres://u:hunter213@h/x"),
        source_kind: Some("postgres"),
        target: None,
    };
    vault.state().start_run(&odd, 1).unwrap();
    for text in [
        url,
        edited,
        "FATAL: the password hunter207 of role \"hunter203\" is wrong",
        "could not translate host name \"hunter205.example\" to address",
        "hunter205.example:5433/hunter206: it does not answer",
        "connection to server at hunter205.example, port 5433 failed",
        "/srv/hunter210 dumps/my hunter211.sql: permission denied",
        "PGPASSWORD=hunter214 is set, and C:\\hunter215 is not",
        "hunter201@example.com is signed in",
        "\n[runs]\nforged \u{1b}[2J",
    ] {
        let text = text.to_owned();
        vault.state().log(run, &LogEntry { at: 2, kind: LogKind::Warning, text }).unwrap();
    }
    let targets = [
        RunTarget::File("/srv/hunter216 plans/a hunter217.sql".into()),
        RunTarget::File("/srv/hunter221.sql".into()),
        RunTarget::Database("postgres://hunter218@hunter219.example:5434/hunter220".into()),
    ];
    for (number, target) in (8..).zip(&targets) {
        let id = RunId::from_bytes([number; 16]);
        let restore = NewRun {
            id,
            kind: RunKind::Restore,
            source: Some("shop"),
            source_kind: None,
            target: Some(target),
        };
        vault.state().start_run(&restore, 4).unwrap();
        for text in [
            format!("{} already exists", target.name().unwrap()),
            "role \"hunter218\" of hunter219.example:5434/hunter220 is refused".to_owned(),
            "hunter221.sql is there".to_owned(),
        ] {
            vault.state().log(id, &LogEntry { at: 5, kind: LogKind::Error, text }).unwrap();
        }
    }
    let in_home = format!("{} cannot be written", home.join("state.db").display());
    vault.state().log_end(run, &LogEntry { at: 3, kind: LogKind::Error, text: in_home }).unwrap();

    let text = collect(&client, &home.join("sealkeep")).text;
    let secret = text.lines().filter(|line| line.contains("hunter2")).collect::<Vec<_>>();
    assert!(secret.is_empty(), "{secret:#?}");
    for bytes in [&kept.vault().unwrap().amk, &kept.vault().unwrap().account_secret] {
        assert!(!text.contains(&hex::encode(bytes.as_slice())), "{text}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with('[')).count(), 6, "{text}");
    for said in [
        "shop, postgres",
        "files, file",
        "service http://127.0.0.1:8787",
        "permission denied",
        "to address",
        "it does not answer",
        "cannot be written",
        "forged",
        "restore of shop, to file: interrupted",
        "restore of shop, to database",
        "already exists",
        "is refused",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn what_is_damaged_is_told_and_the_rest_is_there() {
    let home = tempfile::tempdir().unwrap();
    let client = signed_in(home.path());
    add(&client, "shop", "postgres://h/x");
    fs::write(home.path().join("sources.sealed"), b"damaged").unwrap();
    let bundle = collect(&client, Path::new("/opt/sealkeep"));
    // Without the sources nobody knows what to hide in the logs.
    assert_eq!(bundle.text.matches("cannot be read: […]").count(), 2, "{}", bundle.text);
    assert!(bundle.text.contains("chunks in") && bundle.text.contains("signed in, region"));
    assert!(!bundle.text.contains(&home.path().display().to_string()));
}
