//! Text in a dump is not a program: what a real server gets to see of a dump, and what it does not.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::postgres_target::{Target, open_by};
use crate::private_postgres;

use std::{
    fs,
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use client_core::source::{
    Restored, SourceError,
    postgres::Tools,
    script::{Policy, ScriptFilter},
};
use private_postgres::{PASSWORD_IN_URL, Server};

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.sql("postgres", "CREATE ROLE lim; CREATE ROLE boss");
    server
});

fn dump(database: &str, form: &[&str]) -> Vec<u8> {
    let output = SERVER.tool("pg_dump", database, form);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn restore(target: Target, dump: &[u8]) -> Result<Restored, SourceError> {
    let mut sink = target.sink();
    for piece in dump.chunks(1_000) {
        sink.write(piece)?;
    }
    sink.finish()
}

fn target(database: &str) -> Target {
    Target::new(&SERVER.url(database), false).unwrap()
}

fn databases(pattern: &str) -> String {
    SERVER.sql("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname ~ '{pattern}'"))
}

/// No such database stays. Another test's restore may be running for a while.
fn assert_gone(pattern: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while databases(pattern) != "0" {
        assert!(Instant::now() < deadline, "{pattern} is still there");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A dump with its text replaced in one place.
fn replaced(dump: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(dump.to_vec()).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

/// Odd names and contents that must not be mistaken for commands.
fn odd(database: &str) {
    SERVER.sql("postgres", &format!("CREATE DATABASE {database}"));
    for sql in [
        r#"CREATE TABLE "a;b\! x $$ ' -- /*
COMMIT;" ("c"";\!" text DEFAULT 'back\', "begin" bytea, "ü" text[])"#,
        r#"INSERT INTO "a;b\! x $$ ' -- /*
COMMIT;" VALUES ('\.', '\x5c2e0a', '{a,b}'), (E'\\.\n\\.\n\\! touch x\nCOMMIT;', NULL, NULL), (E'tab\t\r\n''"$$', '', '{}'), ('\N', NULL, NULL)"#,
        "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN x > 1 THEN 1 ELSE 2 END; SELECT 3; END",
        r"CREATE FUNCTION g() RETURNS text LANGUAGE plpgsql AS $a$ BEGIN RETURN $_$ \! touch x; COMMIT; $_$ || E'\' \\'; END $a$",
        "CREATE TABLE t (x int PRIMARY KEY, y text)",
        "CREATE RULE r AS ON UPDATE TO t DO INSTEAD (DELETE FROM t WHERE x = 1; INSERT INTO t VALUES (2, ';'))",
        r"COMMENT ON TABLE t IS E'\\! touch x\n\\connect postgres\nCOMMIT; it''s $$ \\'",
        "CREATE VIEW v AS SELECT (ARRAY[1, 2, 3])[1:2] AS a, 'x'::text AS \"HOST\", '\\' || ':HOST' AS b",
        "SELECT lo_from_bytea(0, decode(repeat('5c2e0a', 30000), 'hex'))",
        "SELECT lo_from_bytea(0, '')",
        "CREATE TYPE \"e'\" AS ENUM ('a\\', ';', '''')",
    ] {
        SERVER.sql(database, sql);
    }
}

#[test]
fn what_pg_dump_writes_passes_unchanged_and_restores() {
    odd("odd");
    let forms: [&[&str]; 6] = [
        &[],
        &["--inserts"],
        &["--column-inserts", "--rows-per-insert=2"],
        &["--clean", "--if-exists"],
        &["--quote-all-identifiers"],
        &["-Fc"],
    ];
    for (number, form) in forms.into_iter().enumerate() {
        let original = dump("odd", form);
        if !form.contains(&"-Fc") {
            let mut filter = ScriptFilter::new(Policy::default());
            let mut passed = Vec::new();
            for piece in original.chunks(7) {
                filter.push(piece, &mut passed).unwrap();
            }
            assert_eq!(filter.finish(&mut passed).unwrap().left_out_count, 0, "{form:?}");
            let lines = |text: &[u8]| {
                let text = String::from_utf8(text.to_vec()).unwrap();
                text.lines()
                    .filter(|line| {
                        !line.starts_with("\\restrict ")
                            && !line.starts_with("\\unrestrict ")
                            && !line.starts_with("--")
                            && !line.is_empty()
                    })
                    // After a colon, psql must not look for a variable name.
                    .map(|line| line.replace(": ", ":"))
                    .collect::<Vec<_>>()
            };
            let (passed, original) = (lines(&passed), lines(&original));
            let first = passed.iter().zip(&original).find(|(passed, original)| passed != original);
            assert_eq!(first, None, "{form:?}");
            assert_eq!(passed.len(), original.len(), "{form:?}");
        }
        let contents =
            "SELECT md5(string_agg(a::text, ',' ORDER BY a::text)) FROM \"a;b\\! x $$ ' -- /*\nCOMMIT;\" a";
        let objects =
            "SELECT md5(string_agg(md5(lo_get(oid)), ',' ORDER BY oid)) FROM pg_largeobject_metadata";
        // Into a database created for it, and in one transaction into an empty one.
        for created in [false, true] {
            let name = format!("odd_{number}_{created}");
            if created {
                SERVER.sql("postgres", &format!("CREATE DATABASE {name}"));
            }
            restore(target(&name), &original).unwrap();
            for question in [
                contents,
                objects,
                "SELECT f(1) + f(2)",
                "SELECT g()",
                "SELECT obj_description('t'::regclass)",
                "SELECT v::text FROM v",
            ] {
                assert_eq!(SERVER.sql(&name, question), SERVER.sql("odd", question), "{form:?} {question}");
            }
        }
    }
}

#[test]
fn nothing_of_a_hostile_dump_stays() {
    SERVER.sql("postgres", "CREATE DATABASE honest");
    SERVER.sql("honest", "CREATE TABLE t (x text); INSERT INTO t VALUES ('its only row')");
    let honest = dump("honest", &[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made");
    let path = file.display().to_string();
    let commands = [
        format!("\\! touch {path}"),
        format!("\\o |touch {path}"),
        format!("\\copy t to program 'touch {path}'"),
        format!("\\copy t to '{path}'"),
        format!("\\w {path}"),
        format!("SELECT 1 \\g {path}"),
        format!("SELECT 1 \\! touch {path}"),
        format!("\\set x `touch {path}`"),
        "\\connect postgres".to_owned(),
        "\\i /etc/passwd".to_owned(),
        "\\;".to_owned(),
        "COMMIT;".to_owned(),
        "/* a */ rollback;".to_owned(),
        "END; CREATE TABLE stays (x int);".to_owned(),
        format!("COPY t TO PROGRAM 'touch {path}';"),
        format!("COPY t TO '{path}';"),
        "COPY t FROM '/etc/passwd';".to_owned(),
        format!("SELECT lo_export(1, '{path}');"),
        "ALTER SYSTEM SET work_mem = '5MB';".to_owned(),
        "DROP DATABASE honest; CREATE DATABASE a; CREATE DATABASE b;".to_owned(),
        "LOAD 'auto_explain';".to_owned(),
    ];
    SERVER.sql("postgres", "CREATE DATABASE evil_there");
    for command in &commands {
        for at in ["CREATE TABLE", "\\.\n\n"] {
            let before =
                if at.starts_with('\\') { format!("{at}{command}\n") } else { format!("{command}\n{at}") };
            let evil = replaced(&honest, at, &before);
            for name in ["evil_there", "evil_new"] {
                let error = restore(target(name), &evil).unwrap_err();
                assert!(
                    matches!(&error, SourceError::Script(text) if text.to_string().contains("line ")),
                    "{command}: {error}"
                );
            }
        }
    }
    assert!(!file.exists());
    assert_gone("evil_new|sealkeep_restoring|^[ab]$");
    assert_eq!(databases("honest|evil_there"), "2");
    assert_eq!(
        SERVER.sql("evil_there", "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
        "0"
    );
    // The same text as data or in quotes is not a command.
    for command in &commands {
        let quoted = replaced(&honest, "its only row", &command.replace('\\', "\\\\"));
        let name = "harmless";
        restore(target(name), &quoted).unwrap();
        assert_eq!(&SERVER.sql(name, "SELECT x FROM t"), command);
        SERVER.sql("postgres", "DROP DATABASE harmless");
    }
    assert!(!file.exists());
}

/// Even if the filter failed, psql obeys no command, and an early end of the transaction is noticed.
#[test]
fn a_function_cannot_end_the_transaction() {
    SERVER.sql("postgres", "CREATE DATABASE plain");
    SERVER.sql("postgres", "CREATE DATABASE calls");
    SERVER.sql("plain", "CREATE TABLE t (x text)");
    let evil = replaced(&dump("plain", &[]), "ALTER TABLE", "DO $$ BEGIN COMMIT; END $$;\nALTER TABLE");
    let error = restore(target("calls"), &evil).unwrap_err();
    assert!(
        matches!(&error, SourceError::RestoreFailed { detail, .. } if detail.contains("invalid transaction termination")),
        "{error}"
    );
    assert_eq!(SERVER.sql("calls", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

// case: no-owner-ignored-for-sql
#[test]
fn a_sql_dump_is_restored_without_owners() {
    let other = Server::start();
    SERVER.sql("postgres", "CREATE DATABASE own");
    SERVER.sql(
        "own",
        "CREATE TABLE o (x int); ALTER TABLE o OWNER TO boss; GRANT SELECT ON o TO lim;
         ALTER TABLE o ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON o FOR SELECT TO lim USING (x > 1);
         CREATE POLICY q ON o TO PUBLIC USING (x > 2)",
    );
    for (number, form) in [&[][..], &["-Fc"], &["--use-set-session-authorization"]].into_iter().enumerate() {
        let dump = dump("own", form);
        let there = |name: &str| Target::new(&other.url(name), false).unwrap();
        // All are named at once, before anything is written.
        let error = restore(there("refused"), &dump).unwrap_err();
        assert!(
            matches!(&error, SourceError::Script(what) if what.lacks() && what.to_string().contains("role \"boss\"")),
            "{error}"
        );
        assert_eq!(
            other.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ 'refused|sealkeep'"),
            "0"
        );
        let name = format!("own_{number}");
        let restored = restore(there(&name).without_owners(), &dump).unwrap();
        assert_eq!(other.sql(&name, "SELECT tableowner FROM pg_tables WHERE tablename = 'o'"), "postgres");
        assert_eq!(other.sql(&name, "SELECT string_agg(polname, ',') FROM pg_policy"), "q");
        let list: Vec<String> = restored.left_out.iter().map(ToString::to_string).collect();
        assert!(list.iter().any(|line| line.contains("CREATE POLICY p") && line.contains("lim")), "{list:?}");
        assert!(
            restored.notes.iter().any(|note| {
                let note = note.to_string();
                note.contains("skipped") && note.contains("lim")
            }),
            "{:?}",
            restored.notes
        );
        // With the option that leaves out only what is missing.
        let name = format!("skip_{number}");
        other.sql("postgres", "CREATE ROLE boss");
        if !form.contains(&"--use-set-session-authorization") {
            restore(there(&name).skipping_missing(), &dump).unwrap();
            assert_eq!(other.sql(&name, "SELECT tableowner FROM pg_tables WHERE tablename = 'o'"), "boss");
        }
        other.sql("postgres", &format!("DROP DATABASE IF EXISTS {name}"));
        other.sql("postgres", "DROP ROLE boss");
    }
}

// case: newer-client-older-server-never-restores
#[test]
fn a_newer_dump_is_restored_into_an_older_server() {
    SERVER.sql("postgres", "CREATE DATABASE older");
    SERVER.sql("older", "CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
    let newer = replaced(
        &dump("older", &[]),
        "SET lock_timeout = 0;",
        "SET lock_timeout = 0;\nSET of_a_later_version = 0;\nSELECT pg_catalog.set_config('later_too', '', false);",
    );
    let restored = restore(target("older_back"), &newer).unwrap();
    assert_eq!(SERVER.sql("older_back", "SELECT x FROM t"), "1");
    assert_eq!(restored.left_out.len(), 2, "{:?}", restored.left_out);
    // Output of pg_dump 17, for a server of this machine.
    let of_17 = include_bytes!("../../testdata/dumps/pg_dump_17.sql");
    let restored = restore(target("of_17"), of_17).unwrap();
    assert_eq!(SERVER.sql("of_17", "SELECT string_agg(x::text, ',' ORDER BY x) FROM t"), "1,2");
    assert!(
        restored.left_out.iter().any(|left| left.statement.contains("transaction_timeout")),
        "{:?}",
        restored.left_out
    );
    // With the programs of version 17 themselves, if they were unpacked somewhere.
    let Some(newer) = std::env::var_os("SEALKEEP_TEST_PG17").map(|dir| Path::new(&dir).to_owned()) else {
        return;
    };
    let tools = Tools::in_folders(vec![newer]);
    let mut stream =
        open_by(&client_core::source::PgUrl::parse(&SERVER.url("older")).unwrap(), &tools).unwrap();
    let mut archive = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut archive).unwrap();
    let complete = stream.finish().unwrap();
    assert!(complete.tool_version.starts_with("17."), "{complete:?}");
    restore(target("older_17").with_tools(tools), &archive).unwrap();
    assert_eq!(SERVER.sql("older_17", "SELECT x FROM t"), "1");
}

#[test]
fn a_dump_that_creates_its_database_goes_into_the_named_one() {
    SERVER.sql("postgres", "CREATE DATABASE \"Own 'db\"");
    SERVER.sql(
        "Own 'db",
        "CREATE TABLE t (x int); INSERT INTO t VALUES (1); COMMENT ON DATABASE \"Own 'db\" IS 'c'; ALTER DATABASE \"Own 'db\" SET work_mem = '5MB'",
    );
    for (number, form) in [&["--create"][..], &["--create", "--clean"]].into_iter().enumerate() {
        let name = format!("created_{number}");
        let restored = restore(target(&name), &dump("Own 'db", form)).unwrap();
        assert_eq!(SERVER.sql(&name, "SELECT x FROM t"), "1");
        assert!(restored.left_out.len() >= 2, "{:?}", restored.left_out);
        let told = restored.notes.iter().filter(|note| note.to_string().contains("skipped")).count();
        assert_eq!(told, 1, "{:?}", restored.notes);
    }
    // The old database was not touched.
    assert_eq!(SERVER.sql("Own 'db", "SELECT x FROM t"), "1");
    let all = SERVER.tool("pg_dumpall", "dbname=postgres", &[]).stdout;
    assert!(matches!(restore(target("all"), &all), Err(SourceError::NotRestorable(_))));
}

fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &input).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output.stdout
}

// case: gz-dump-not-restorable-into-database
#[test]
fn a_compressed_dump_is_restored_into_a_database() {
    SERVER.sql("postgres", "CREATE DATABASE gz");
    SERVER.sql("gz", "CREATE TABLE t (x int, y text); INSERT INTO t SELECT i, repeat('abc', 100) FROM generate_series(1, 3000) i");
    let sum = "SELECT md5(string_agg(t::text, ',' ORDER BY x)) FROM t";
    let (plain, archive, tar) = (dump("gz", &[]), dump("gz", &["-Fc"]), dump("gz", &["-Ft"]));
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let gzip = |bytes: &[u8]| piped("gzip", &["-c"], bytes);
    let (first, second) = plain.split_at(plain.len() / 2);
    for (number, form) in [
        gzip(&plain),
        gzip(&archive),
        zstd(&plain),
        zstd(&archive),
        [gzip(first), gzip(second)].concat(),
        gzip(&zstd(&plain)),
        tar.clone(),
        gzip(&tar),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("gz_{number}");
        restore(target(&name), &form).unwrap();
        assert_eq!(SERVER.sql(&name, sum), SERVER.sql("gz", sum), "{number}");
    }
    // A truncated dump is refused, and unsupported compression is named.
    let whole = gzip(&plain);
    assert!(restore(target("gz_cut"), &whole[..whole.len() - 20]).is_err());
    for (bytes, word) in [
        (&b"\xfd7zXZ\0\0"[..], "xz"),
        (b"BZh91AY", "bzip2"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"-- MySQL dump 10.13\n", "MySQL"),
        (b"-- PostgreSQL database cluster dump\n", "pg_dumpall"),
    ] {
        let error = restore(target("gz_cut"), bytes).unwrap_err();
        assert!(
            matches!(&error, SourceError::NotRestorable(why) if why.to_string().contains(word)),
            "{error}"
        );
    }
    assert_gone("gz_cut|sealkeep_restoring");
}

#[test]
fn missing_extensions_tablespaces_and_rights_are_named() {
    SERVER.sql("postgres", "CREATE DATABASE needs");
    SERVER.sql("postgres", "CREATE ROLE plain LOGIN CREATEDB PASSWORD 'p'");
    SERVER.sql("needs", "CREATE TABLE t (x int)");
    let dump = replaced(
        &dump("needs", &[]),
        "SET default_tablespace = '';",
        "CREATE EXTENSION IF NOT EXISTS nowhere WITH SCHEMA public;\nCOMMENT ON EXTENSION nowhere IS 'x';\nSET default_tablespace = fast;\n",
    );
    let error = restore(target("needs_back"), &dump).unwrap_err();
    assert!(
        matches!(&error, SourceError::Script(what) if what.lacks() && what.to_string().contains("extension \"nowhere\"") && what.to_string().contains("tablespace \"fast\"")),
        "{error}"
    );
    restore(target("needs_back").skipping_missing(), &dump).unwrap();
    assert_eq!(SERVER.sql("needs_back", "SELECT count(*) FROM t"), "0");
    SERVER.sql("needs", "CREATE PUBLICATION p FOR ALL TABLES; ALTER TABLE t OWNER TO plain");
    let dump = self::dump("needs", &["--no-owner"]);
    let plain = || {
        Target::new(
            &SERVER.url("needs_plain").replace(&format!("postgres:{PASSWORD_IN_URL}"), "plain:p"),
            false,
        )
        .unwrap()
    };
    let error = restore(plain(), &dump).unwrap_err();
    assert!(
        matches!(&error, SourceError::Script(what) if what.lacks() && what.to_string().contains("publication p")),
        "{error}"
    );
    let restored = restore(plain().skipping_missing(), &dump).unwrap();
    assert!(restored.left_out.iter().any(|left| left.statement.starts_with("CREATE PUBLICATION")));
}

#[test]
fn the_environment_of_psql_is_not_the_users() {
    // psql must not inherit the caller's psqlrc or variables, which it would obey.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".psqlrc"), "\\set ON_ERROR_STOP 0\n").unwrap();
    SERVER.sql("postgres", "CREATE DATABASE env");
    SERVER.sql("env", "CREATE TABLE t (x text); INSERT INTO t VALUES ('a')");
    let text = replaced(
        &dump("env", &["--inserts"]),
        "'a'",
        "':HOST' || array_to_string((ARRAY['x', 'y'])[1:2], ':')",
    );
    restore(target("env_back"), &text).unwrap();
    assert_eq!(SERVER.sql("env_back", "SELECT x FROM t"), ":HOSTx:y");
}
