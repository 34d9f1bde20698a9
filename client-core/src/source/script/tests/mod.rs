#![expect(clippy::unwrap_used, reason = "tests")]

mod left_out;

use super::*;

pub(super) fn filter(policy: &Policy, pieces: &[&[u8]]) -> Result<(Vec<u8>, ScriptReport), ScriptError> {
    let mut filter = ScriptFilter::new(policy.clone());
    let mut out = Vec::new();
    for piece in pieces {
        filter.push(piece, &mut out)?;
    }
    let report = filter.finish(&mut out)?;
    Ok((out, report))
}

pub(super) fn whole(script: &str) -> Result<String, ScriptError> {
    filter(&Policy::default(), &[script.as_bytes()]).map(|(out, _)| String::from_utf8(out).unwrap())
}

/// A script gives the same result however it is cut in two, and byte by byte.
fn every_cut(policy: &Policy, script: &[u8]) -> Result<(Vec<u8>, ScriptReport), ScriptError> {
    let expected = filter(policy, &[script]);
    for at in 0..=script.len() {
        let (a, b) = script.split_at(at);
        assert_eq!(filter(policy, &[a, b]), expected, "cut at {at}");
    }
    let single: Vec<&[u8]> = script.chunks(1).collect();
    assert_eq!(filter(policy, &single), expected, "byte by byte");
    expected
}

fn passes(script: &str) {
    let (out, report) = every_cut(&Policy::default(), script.as_bytes()).unwrap();
    // Comments between statements are not passed on.
    let comment = script.starts_with("--") || script.starts_with("/*");
    assert_eq!(String::from_utf8(out).unwrap(), if comment { "\n" } else { script });
    assert_eq!(report.left_out_count, 0);
}

fn refused(script: &str) -> Found {
    every_cut(&Policy::default(), script.as_bytes())
        .map(|(out, _)| String::from_utf8_lossy(&out).into_owned())
        .unwrap_err()
        .found
}

/// Places where text is not a command.
const QUOTED: [(&str, &str); 14] = [
    ("SELECT '", "';\n"),
    ("SELECT 'a''", "';\n"),
    ("SELECT E'\\'", "';\n"),
    ("SELECT U&'", "';\n"),
    ("SELECT \"", "\";\n"),
    ("SELECT 'back\\', '", "';\n"),
    ("DO $$ ", " $$;\n"),
    ("DO $a$ $b$ $a ", " $a$;\n"),
    ("/* ", " */\n"),
    ("/* /* */ ", " */\n"),
    ("-- ", "\n"),
    ("COPY t (a, \"from\") FROM stdin;\n", "\n\\.\n"),
    ("COPY t FROM stdin WITH (FORMAT csv, HEADER);\na\n", "\n\\.\n"),
    ("SELECT 1 --", "\n;\n"),
];

#[test]
fn client_commands_are_refused_outside_of_quotes() {
    let commands = [
        "\\! touch x",
        "\\copy t from program 'x'",
        "\\o |x",
        "\\i x",
        "\\ir x",
        "\\connect other",
        "\\c",
        "\\setenv a b",
        "\\set a `x`",
        "\\g |x",
        "\\gexec",
        "\\gset",
        "\\;",
        "\\:",
        "\\q",
        "\\restrict",
        "\\restrict a b",
        "\\unrestrict a",
        "\\w x",
        "\\e",
        "\\.",
        "\\\\",
        "\\cd /",
        "\\lo_import x",
        "\\if true",
        "\\",
        "\\N",
    ];
    for command in commands {
        for before in [
            "",
            " ",
            "SELECT 1 ",
            "SELECT 1; ",
            "SELECT (",
            "SELECT 'a'",
            "SELECT $$a$$ ",
            "/* a */",
            "-- a\r",
            "\u{feff}",
            "COPY t FROM stdin;\n1\n\\.\n",
            "SELECT 1;\n",
            "SELECT \"a\"",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; ",
            "SELECT 'a\\'",
            "SELECT E'a\\''",
            "SELECT $a$ $b$ $a$",
            "SELECT a$b$",
            "SELECT $1 ",
        ] {
            let found = refused(&format!("{before}{command}\n"));
            assert!(matches!(&found, Found::ClientCommand(_)), "{before}{command}: {found:?}");
        }
        for (before, after) in QUOTED {
            // Except those that would end the quotes.
            if !(command == "\\." && before.starts_with("COPY")
                || command.contains('\'')
                || command.contains('$')
                || before.contains("E'"))
            {
                passes(&format!("{before}{command}{after}"));
            }
        }
    }
}

#[test]
fn transaction_commands_are_refused() {
    for command in [
        "COMMIT",
        "commit work",
        "BEGIN",
        "Start Transaction",
        "END",
        "ROLLBACK",
        "ABORT",
        "SAVEPOINT a",
        "RELEASE a",
        "PREPARE TRANSACTION 'a'",
        "ROLLBACK TO a",
        "COMMIT PREPARED 'a'",
        "SET TRANSACTION READ ONLY",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    ] {
        for before in [
            "",
            "\t\n\r",
            "-- a\n",
            "-- a\r",
            "/* /* */ */",
            ";",
            "SELECT 1;",
            "\u{feff}",
            "SELECT ')';",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;",
            "COPY t FROM stdin;\n\\.\n",
            "SELECT $$;$$;",
            "DO $$ BEGIN NULL; END $$;",
        ] {
            for after in [";", "", " ;", "/**/;", "--\n;"] {
                let found = refused(&format!("{before}{command}{after}"));
                assert!(matches!(&found, Found::Transaction(_)), "{before}{command}{after}: {found:?}");
            }
        }
        for (before, after) in QUOTED {
            if !command.contains('\'') {
                passes(&format!("{before}; {command};{after}"));
            }
        }
    }
    // Keywords elsewhere.
    passes("CREATE TABLE \"commit\" (\"end\" int);\nPREPARE p AS SELECT 1;\nSELECT 1 AS \"begin\";\n");
    passes("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);\n");
}

#[test]
fn the_transaction_around_large_objects_is_known() {
    let inner = "SELECT pg_catalog.lo_open('16385', 131072);\nSELECT pg_catalog.lowrite(0, '\\x00ff');\nSELECT pg_catalog.lo_close(0);\n";
    let script = format!("BEGIN;\n\n{inner}\nCOMMIT;\nSELECT 1;\n");
    passes(&script);
    let policy = Policy { one_transaction: true, ..Policy::default() };
    let (out, report) = every_cut(&policy, script.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!("\n\n{inner}\n\nSELECT 1;\n"));
    assert_eq!(report.left_out_count, 0);
    for script in [
        "BEGIN; CREATE TABLE t ();",
        "BEGIN; SELECT pg_catalog.lo_open('1', f());",
        "BEGIN; SELECT pg_catalog.lo_close(0), f();",
        "BEGIN; SELECT pg_catalog.lo_unlink(0);",
        "BEGIN; SELECT pg_catalog.lo_close(0); SAVEPOINT a;",
        "BEGIN; SELECT pg_catalog.lo_close(0);",
        "BEGIN WORK; SELECT pg_catalog.lo_close(0); COMMIT;",
        "BEGIN; COPY t FROM stdin;\n\\.\nCOMMIT;",
        "BEGIN; BEGIN; COMMIT;",
        "BEGIN; COMMIT; COMMIT;",
    ] {
        assert!(matches!(refused(script), Found::Transaction(_)), "{script}");
    }
}

#[test]
fn bodies_of_sql_functions_are_one_statement() {
    passes(
        "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN x > 1 THEN 1 ELSE 2 END; SELECT 2; END;\nSELECT 1;\n",
    );
    passes("CREATE OR REPLACE PROCEDURE p() LANGUAGE sql\nBEGIN ATOMIC\n INSERT INTO t VALUES (1);\nEND;\n");
    passes("CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC END;\n");
    // A name that psql would count; in every cut, like the others.
    let named = "CREATE FUNCTION Begin(begin int) RETURNS int LANGUAGE sql\nBEGIN ATOMIC\n SELECT begin, t.begin FROM begin t WHERE begin/2 > 1;\nEND;\nSELECT begin FROM t;\n";
    let (out, _) = every_cut(&Policy::default(), named.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "CREATE FUNCTION \"begin\"(begin int) RETURNS int LANGUAGE sql\nBEGIN ATOMIC\n SELECT \"begin\", t.\"begin\" FROM \"begin\" t WHERE \"begin\"/2 > 1;\nEND;\nSELECT begin FROM t;\n"
    );
    // What psql takes for a part of the body and the server does not.
    for script in [
        "CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT; END;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS case; END; COMMIT; END;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; COMMIT; END;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; ROLLBACK",
        "CREATE FUNCTION f() RETURNS int BEGIN /* */ \"atomic\" SELECT 1; END;",
        "CREATE FUNCTION f() RETURNS int BEGIN -- \n begin SELECT 1; END;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC begin; SELECT 1; END;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT begin atomic; COMMIT; END; END;",
    ] {
        assert!(matches!(refused(script), Found::Ambiguous(_) | Found::Transaction(_)), "{script}");
    }
    assert!(matches!(
        refused("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;"),
        Found::Unfinished(_)
    ));
}

#[test]
fn the_server_and_other_databases_are_out_of_reach() {
    for script in [
        "COPY t FROM PROGRAM 'x';",
        "COPY t TO PROGRAM 'x';",
        "COPY t FROM '/etc/passwd';",
        "COPY t TO '/tmp/x';",
        "COPY (SELECT 1) TO PROGRAM 'x';",
        "COPY t TO STDOUT;",
        "COPY t (a, b) FROM/**/PROGRAM 'x';",
        "COPY t FROM E'x';",
        "SELECT lo_import('/etc/passwd');",
        "SELECT pg_catalog.lo_export(1, 'x');",
        "SELECT \"lo_import\"('x');",
        "INSERT INTO t VALUES (lo_import('x'));",
        "LOAD 'x';",
        "ALTER SYSTEM SET a = 1;",
        "CREATE TABLESPACE a LOCATION 'x';",
    ] {
        assert!(matches!(refused(script), Found::Server(_)), "{script}: {:?}", refused(script));
    }
    for script in [
        "ALTER DATABASE x SET a = 1;",
        "CREATE DATABASE a; CREATE DATABASE b;",
        "CREATE DATABASE a; DROP DATABASE b;",
    ] {
        assert!(matches!(refused(script), Found::OtherDatabase(_)), "{script}");
    }
    passes(
        "SELECT pg_catalog.lo_create('16385');\nCREATE FUNCTION lo_import(x int) RETURNS int LANGUAGE sql AS 'SELECT 1';\n",
    );
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for script in [
        "SELECT E'a'\n'b\\'; SELECT 1; '",
        "SELECT 1E'x';",
        "SELECT 1a$b$;",
        "SELECT 1.e'x';",
        "SELECT 'a\0b';",
        "COPY t FROM stdin; SELECT 1;\n",
        "COPY t FROM stdin WITH BINARY;\n",
        "COPY BINARY t FROM stdin;\n",
        "COPY t FROM stdin WITH (FORMAT 'binary');\n",
        "COPY t FROM stdin WITH (FORMAT E'b\\x69nary');\n",
        "SET client_encoding = 'SJIS';",
        "SET NAMES 'big5';",
        "RESET ALL;",
        "DISCARD ALL;",
        "SET LOCAL standard_conforming_strings = off;\n",
        "SET standard_conforming_strings TO DEFAULT;\n",
        "SET standard_conforming_strings = off; SELECT 1;\n",
        "SET standard_conforming_strings = off;\nSELECT x'''1\\';\n",
        "SET standard_conforming_strings = off;\nSELECT U&'a'\n'\\';\n",
        "SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);",
        "SELECT set_config('standard' || '_conforming_strings', 'off', false);",
        "SELECT 1, \"set_config\"('a', 'off', false);",
        "SELECT set_config(U&'\\0061', 'off', false);",
    ] {
        let found = every_cut(&Policy::default(), script.as_bytes());
        assert!(
            matches!(&found, Err(error) if matches!(error.found, Found::Ambiguous(_))),
            "{script}: {found:?}"
        );
    }
}

#[test]
fn strings_follow_the_setting() {
    passes(
        "SET standard_conforming_strings = off;\nSELECT 'a\\'; \\! x ';\nSET standard_conforming_strings = on;\nSELECT 'a\\';\n",
    );
    assert!(matches!(
        refused("SET standard_conforming_strings = off;\nSELECT 'a\\''; \\! x ;\n"),
        Found::ClientCommand(_)
    ));
    assert!(matches!(refused("SELECT 'a\\'; \\! x ';\n"), Found::ClientCommand(_)));
}

#[test]
fn colons_are_not_variables() {
    passes("SELECT 'x'::text, x::INT, ':HOST', a[1: 2], f(a := 1);\n");
    assert_eq!(
        whole(
            "SELECT :HOST, :'HOST', :\"HOST\", :{?HOST}, a[1:\"B\"], a[1:2], a[b:c_d], a[:_], :ä, a:::b;\n"
        )
        .unwrap(),
        "SELECT : HOST, : 'HOST', : \"HOST\", : {?HOST}, a[1: \"B\"], a[1: 2], a[b: c_d], a[: _], : ä, a::: b;\n"
    );
}

#[test]
fn what_psql_would_take_for_a_variable_opens_and_closes_what_follows_it() {
    // psql reads :e and then a string that ends before the command; :a and then a dollar quote.
    assert_eq!(whole("SELECT :e'\\' \\! x #'\n;\n").unwrap(), "SELECT : e'\\' \\! x #'\n;\n");
    assert_eq!(
        whole("SELECT :a$b$;\nCOPY t FROM stdin;\n$b$ \\! x\n\\.\n").unwrap(),
        "SELECT : a$b$;\nCOPY t FROM stdin;\n$b$ \\! x\n\\.\n"
    );
    assert_eq!(
        whole("CREATE VIEW v AS SELECT (ARRAY[1])[1:e'\\''::text::int] AS x;\n").unwrap(),
        "CREATE VIEW v AS SELECT (ARRAY[1])[1: e'\\''::text::int] AS x;\n"
    );
    // Both count the END, so the server sees part of the body, and refuses it.
    assert_eq!(
        whole("CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a[1:end];\n").unwrap(),
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a[1: end];\n"
    );
}

#[test]
fn words_that_touch_numbers_are_refused() {
    passes("SELECT 1e5, 1E-5, 1.5e+10, 0x1F, 0b01, 0o17, 1_000, .5, 1.;\n");
    for script in [
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql COST 1begin;\n",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql COST 1.begin;\n",
        "SELECT 1end;",
        "SELECT 1e5case;",
        "SELECT $1begin;",
        "SELECT 0x1g;",
        "CREATE 0o1 OR REPLACE FUNCTION f() BEGIN ATOMIC SELECT 1; END;",
        "0x1 CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END;",
        "CREATE U& OR REPLACE FUNCTION f() RETURNS int BEGIN;",
    ] {
        assert!(matches!(refused(script), Found::Ambiguous(_)), "{script}");
    }
}

#[test]
fn comments_between_statements_are_dropped() {
    let script = b"SELECT 1; /* \x83*/ SELECT 2; -- \x83\n/* a\n */ SELECT 3 /* 4 */;\n";
    let (out, _) = every_cut(&Policy::default(), script).unwrap();
    assert_eq!(out, b"SELECT 1;SELECT 2;\n\nSELECT 3 /* 4 */;\n");
    // Within a statement the setting is restored just before it.
    let policy = Policy { guard_settings: true, ..Policy::default() };
    let (out, _) = every_cut(&policy, b"/* \x83*/ COPY /* \x83*/ t FROM stdin;\n\\.\n").unwrap();
    assert_eq!(out, b"RESET client_encoding;\nCOPY /* \x83*/ t FROM stdin;\n\\.\n");
}

#[test]
fn covert_changes_of_settings_are_undone_where_they_matter() {
    let policy = Policy { guard_settings: true, ..Policy::default() };
    let (out, _) = every_cut(
        &policy,
        "SET client_encoding = 'UTF8';\nSELECT 'a\\';\nSELECT 'ä';\nSELECT 1;\n".as_bytes(),
    )
    .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSELECT 'a\\';\nSET client_encoding = 'UTF8';\nSELECT 'ä';\nSELECT 1;\n"
    );
}

#[test]
fn long_statements_pass_in_bounded_memory() {
    let long = format!(
        "INSERT INTO t VALUES ('{}', $${}$$);\nSELECT 1;\n",
        "a\\'' ".repeat(100_000),
        "; COMMIT;\n".repeat(50_000)
    );
    let mut filter = ScriptFilter::new(Policy::default());
    let mut out = Vec::new();
    for piece in long.as_bytes().chunks(1000) {
        filter.push(piece, &mut out).unwrap();
        assert!(filter.statement.held.len() <= MAX_HEAD + 1000 && filter.waiting.len() < 2000);
    }
    filter.finish(&mut out).unwrap();
    assert!(out == long.as_bytes());
    let columns = "a".repeat(60);
    let script = format!("COPY t ({}x) FROM stdin;\n\\.\n", format!("{columns}, ").repeat(1600));
    assert_eq!(whole(&script).unwrap(), script);
}

#[test]
fn messages_are_short_and_printable() {
    let error = whole(&format!("SELECT 1;\n\\! \u{1b}[31m{}\u{7}\n", "x".repeat(500))).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("line 2 of the dump is a psql meta-command (\\! ") && text.len() < 200,
        "{text}"
    );
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text}");
}

/// Newer versions of psql take an empty statement after a COPY for a failed one, and skip what follows.
#[test]
fn empty_statements_are_left_out() {
    let script = ";\nCOPY t FROM stdin;\n1\n\\.\n;\n;;SELECT 1;;\n/* */ ; -- a\nSELECT 2";
    let (out, _) = every_cut(&Policy::default(), script.as_bytes()).unwrap();
    let out = String::from_utf8(out).unwrap();
    let solid = out.replace("\n\n", "\n").replace("\n\n", "\n");
    assert_eq!(solid.trim_start(), "COPY t FROM stdin;\n1\n\\.\nSELECT 1;\nSELECT 2\n;\n");
    // Line numbers stay as they are.
    assert_eq!(out.lines().nth(7), Some("SELECT 2"), "{out}");
}

#[test]
fn a_statement_begins_with_a_word() {
    for script in [
        "(SELECT 1);",
        "() copy t from stdin;",
        "'' COPY t FROM stdin;",
        "\"copy\" t FROM stdin;",
        "#;",
        "1;",
        "$$ $$;",
    ] {
        let found = refused(&format!("COPY t FROM stdin;\n\\.\n{script}\n"));
        assert_eq!(found, Found::Ambiguous("a statement that does not begin with a word"), "{script}");
    }
}
