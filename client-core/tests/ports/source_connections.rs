//! Connections as libpq accepts them, and names as PostgreSQL accepts them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::{
    begin::begin,
    postgres_target::{Target, open},
};
use std::{fs, process::Command, sync::LazyLock};

use crate::private_postgres::{PASSWORD, PASSWORD_IN_URL, Server, dumped};

use client_core::{
    error::{Error, ErrorKind},
    source::{self, SourceError},
};

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.shop("shop", 1);
    server
});

// case: libpq-parameters-refused
#[test]
fn parameters_of_libpq_are_accepted_or_refused_by_name() {
    // Each parameter is accepted, or refused by name if the installed libpq is too old; psql agrees.
    let port = SERVER.port;
    let psql_takes = |text: &str| {
        let output =
            Command::new(SERVER.bin().join("psql")).args(["-XAtq", "-c", "SELECT 1", text]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (name, value) in [
        ("keepalives", "1"),
        ("keepalives_idle", "30"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "20000"),
        ("sslcompression", "0"),
        ("load_balance_hosts", "random"),
        ("gsslib", "gssapi"),
        ("gssencmode", "disable"),
        ("gssdelegation", "0"),
        ("client_encoding", "UTF8"),
        ("connect_timeout", "10"),
        ("application_name", "mine"),
        ("fallback_application_name", "mine"),
        ("sslmode", "prefer"),
        ("sslnegotiation", "postgres"),
        ("sslpassword", "secret"),
        ("sslsni", "0"),
        ("sslcertmode", "allow"),
        ("ssl_min_protocol_version", "TLSv1.2"),
        ("ssl_max_protocol_version", "TLSv1.3"),
        ("min_protocol_version", "3.0"),
        ("max_protocol_version", "latest"),
        ("channel_binding", "prefer"),
        ("require_auth", "scram-sha-256"),
        ("target_session_attrs", "any"),
        ("options", "-c%20geqo%3Doff"),
        ("passfile", "/nonexistent"),
        ("hostaddr", "127.0.0.1"),
        ("krbsrvname", "postgres"),
        ("sslkeylogfile", "/nonexistent"),
        ("oauth_scope", "x"),
        ("pgbouncer", "true"),
        ("schema", "public"),
        ("connection_limit", "5"),
    ] {
        let text = format!("{}?{name}={value}", SERVER.url("shop"));
        let (taken, said) = psql_takes(&text);
        match open(&text) {
            Ok(stream) => {
                assert!(taken, "{name}: psql refuses it: {said}");
                drop(stream);
            }
            Err(error) => {
                assert!(!taken, "{name}: psql takes it: {error}");
                let error = Error::from(error);
                assert_eq!(error.kind(), ErrorKind::Usage, "{name}: {error}");
                assert!(error.happened().contains(&format!("`{name}`")), "{name}: {error}");
            }
        }
    }
    // Other spellings of a connection.
    for text in [
        format!("POSTGRES://postgres:{PASSWORD_IN_URL}@127.0.0.1:{port}/shop"),
        format!("host=127.0.0.1 port={port} user=postgres password='{PASSWORD}' dbname=shop"),
        format!("postgres://postgres:{PASSWORD_IN_URL}@127.0.0.1:1,127.0.0.1:{port}/shop"),
        format!("postgres:///shop?host=127.0.0.1&port={port}&user=postgres&password={PASSWORD_IN_URL}"),
    ] {
        let stream = open(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(stream.expected_bytes().is_some());
    }
    // A service file names the source.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services");
    fs::write(
        &file,
        format!("[db]\nhost=127.0.0.1\nport={port}\nuser=postgres\npassword={PASSWORD}\ndbname=shop\nkeepalives_idle=9\n"),
    )
    .unwrap();
    let text = format!("service=db servicefile={}", file.display());
    let spec = source::database(&text).unwrap();
    assert_eq!(spec.default_name(), "shop");
    assert!(dumped(begin(spec).unwrap()).1.verified_end);
}

#[test]
#[ignore = "slow"]
fn odd_names_go_through_everything() {
    let server = Server::start();
    for name in [
        "a\nb",
        "tab\there",
        "quo\"te",
        "sing'le",
        "back\\slash",
        "pi|pe",
        "\u{1}\u{1f}\u{7f}",
        "sp ace ",
        "größe",
        "a=b",
        "postgres://x",
        "%41",
    ] {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        server.sql("postgres", &format!("CREATE DATABASE {quoted}; "));
        let literal = format!("E'{}'", name.replace('\\', "\\\\").replace('\'', "''"));
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let url = server.url(&encoded);
        let psql = |sql: &str| {
            let output = Command::new(server.bin().join("psql"))
                .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, &url])
                .output()
                .unwrap();
            assert!(output.status.success(), "{name:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        psql(&format!(
            "CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} int); INSERT INTO {quoted}.{quoted} VALUES (1)"
        ));
        psql(&format!(
            "CREATE ROLE {quoted}; ALTER TABLE {quoted}.{quoted} OWNER TO {quoted}; ALTER DATABASE {quoted} OWNER TO {quoted}"
        ));
        psql(&format!("COMMENT ON DATABASE {quoted} IS {literal}"));
        let spec = source::database(&url).unwrap();
        assert_eq!(spec.default_name(), name);
        let (dump, complete) = dumped(begin(spec).unwrap());
        assert!(complete.verified_end);
        // A database created under such a name, then its replacement.
        for overwrite in [false, true] {
            let target = Target::new(&server.url(&format!("back{encoded}")), overwrite).unwrap();
            let mut sink = target.like(complete.origin.properties.clone()).sink();
            sink.write(&dump).unwrap();
            let restored = sink.finish().unwrap();
            assert!(restored.notes.is_empty(), "{name:?}: {:?}", restored.notes);
            let same = server.sql(
                "postgres",
                &format!(
                    "SELECT pg_get_userbyid(datdba) = {literal}, shobj_description(oid, 'pg_database') = {literal}
                       FROM pg_database WHERE datname = 'back' || {literal}"
                ),
            );
            assert_eq!(same, "t|t", "{name:?}");
        }
        let tables: Vec<_> = complete.tables.iter().map(|t| t.name.clone()).collect();
        let ident = if name == "größe" { name.to_owned() } else { quoted.clone() };
        assert!(
            tables == [format!("{quoted}.{quoted}")] || tables == [format!("{ident}.{ident}")],
            "{name:?}: {tables:?}"
        );
        let properties = complete.origin.properties.unwrap();
        assert_eq!((properties.owner.as_str(), properties.comment.as_deref()), (name, Some(name)));
        assert_eq!(complete.origin.database.unwrap().name, name);
    }
    // Encodings in which a name need not be UTF-8.
    server.sql("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    server.sql("postgres", "CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    server.sql("latin", "CREATE TABLE U&\"gr\\00F6\\00DFe\" (x int)");
    server.sql("bytes", "SET client_encoding = SQL_ASCII; DO $$ BEGIN EXECUTE format('CREATE TABLE %I (x int)', encode('\\x636166'::bytea, 'escape')); END $$");
    let tables = |name: &str| dumped(open(&server.url(name)).unwrap()).1.tables;
    assert_eq!(tables("latin")[0].name, "public.\"größe\"");
    assert_eq!(tables("bytes")[0].name, "public.caf");
    // LATIN1 bytes in a cluster that does not convert.
    let output = Command::new(server.bin().join("psql"))
        .args([
            "-XAtq",
            "-h",
            "127.0.0.1",
            "-p",
            &server.port.to_string(),
            "-U",
            "postgres",
            "-d",
            "bytes",
            "-f",
            "-",
        ])
        .env("PGPASSWORD", PASSWORD)
        .env("PGCLIENTENCODING", "SQL_ASCII")
        .stdin({
            let file = tempfile::tempfile().unwrap();
            let mut file = file;
            std::io::Write::write_all(
                &mut file,
                b"CREATE TABLE \"\xe9t\xe9\" (x int); CREATE TABLE \"\xe8t\xe9\" (x int);",
            )
            .unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            file
        })
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<_> = tables("bytes").into_iter().map(|t| t.name).collect();
    assert!(names.len() == 3 && names.iter().any(|n| n.contains("\\xe9t\\xe9")), "{names:?}");
}

#[test]
fn the_server_judges_the_users_options_and_they_do_not_override_ours() {
    let url = SERVER.url("shop");
    let refused = open(&format!("{url}?options=--nosuch%3D1")).err().unwrap();
    assert!(
        matches!(&refused, SourceError::Refused { detail, .. } if detail.contains("\"nosuch\"")),
        "{refused}"
    );
    SERVER.sql("postgres", "CREATE DATABASE talks");
    SERVER.sql("postgres", "ALTER DATABASE talks SET client_min_messages = debug1");
    for options in ["", "?options=-c%20client_min_messages%3Ddebug1"] {
        let stream = open(&format!("{}{options}", SERVER.url("talks"))).unwrap();
        assert_eq!(stream.warnings(), [], "{options}");
        assert_eq!(dumped(stream).1.stderr, "", "{options}");
    }
}
