//! `--continue` restores everything that can be restored, and executes nothing else.

use super::*;

// case: search-path-functions
#[test]
fn a_function_that_needs_a_search_path_is_reported_and_the_rest_restored() {
    SERVER.sql("postgres", "CREATE DATABASE sp");
    SERVER.sql(
        "sp",
        "CREATE TABLE a (x int PRIMARY KEY); INSERT INTO a VALUES (1);
         CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT count(*)::int + $1 FROM a';
         CREATE TABLE b (v int CHECK (f(v) > 0)); INSERT INTO b VALUES (3); CREATE TABLE c (x int); INSERT INTO c VALUES (4)",
    );
    for (number, form) in [&["-Fc"][..], &["-Fp"], &["-Ft"]].into_iter().enumerate() {
        let (dump, back) = (dump("sp", form), format!("sp_back_{number}"));
        let refused = restore(target(&back, false), &dump).unwrap_err();
        assert!(refused.to_string().contains("relation \"a\" does not exist"), "{refused}");
        assert!(Error::from(refused).next_step().contains("--continue"));
        assert_eq!(databases(&format!("^{back}$")), "0");
        let restored = restore(target(&back, false).continuing_on_error(), &dump).unwrap();
        let [failed] = restored.failed.as_slice() else { unreachable!("{restored:?}") };
        assert!(failed.contains("relation \"a\" does not exist") && failed.contains("COPY b"), "{failed}");
        assert_eq!(
            SERVER.sql(&back, "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT x FROM c)"),
            "1|0|4"
        );
    }
}

/// Rows of a failed COPY are never executed, whatever they contain, and whether it fails at its beginning, at its end,
/// or only the second time.
#[test]
fn rows_of_a_failed_copy_are_never_executed() {
    let marker = tempfile::TempDir::new().unwrap();
    let file = marker.path().join("owned");
    let (rows, width) = (20_000, 60);
    SERVER.sql("postgres", "CREATE DATABASE evil_rows");
    SERVER.sql(
        "evil_rows",
        "CREATE TABLE a_gone (v text); CREATE TABLE b_late (v text); CREATE TABLE c_turns (v text);
         CREATE TABLE d_none (v text); CREATE TABLE z_kept (x int); INSERT INTO z_kept VALUES (7)",
    );
    let evil = [
        format!("\\! touch {}", file.display()),
        format!("COPY z_kept TO PROGRAM 'touch {}';", file.display()),
        "CREATE TABLE executed (x int);".to_owned(),
        "'; CREATE TABLE executed (x int); --".to_owned(),
        "\\connect postgres".to_owned(),
        "COMMIT; CREATE TABLE executed (x int);".to_owned(),
    ];
    for table in ["a_gone", "b_late", "c_turns", "d_none"] {
        for row in &evil {
            SERVER.sql("evil_rows", &format!("INSERT INTO {table} VALUES ($evil${row}$evil$)"));
        }
    }
    // Long enough that psql has exited before everything was written.
    SERVER.sql(
        "evil_rows",
        &format!(
            "INSERT INTO a_gone SELECT repeat('CREATE TABLE executed (x int);', {width}) FROM generate_series(1, {rows})"
        ),
    );
    // What the dump does to the tables before their rows arrive.
    let hostile = "
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION 'not these'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON public.b_late FOR EACH STATEMENT EXECUTE FUNCTION public.refuse();
CREATE FUNCTION public.turn() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM set_config('default_transaction_read_only', 'on', false); RETURN NULL; END $$;
CREATE TRIGGER turn AFTER INSERT ON public.c_turns FOR EACH STATEMENT EXECUTE FUNCTION public.turn();
DROP TABLE public.a_gone;
SET search_path = pg_catalog;
CREATE RULE r AS ON INSERT TO public.d_none DO INSTEAD NOTHING;
ALTER TABLE public.d_none DROP COLUMN v;
";
    let text = String::from_utf8(dump("evil_rows", &["-Fp", "--section=pre-data"])).unwrap();
    let data = String::from_utf8(dump("evil_rows", &["-Fp", "--section=data"])).unwrap();
    for inserted in ["", "SET client_encoding = 'LATIN1';\n"] {
        let script = format!("{text}{hostile}{inserted}{data}");
        let restored = restore(target("evil_back", false).continuing_on_error(), script.as_bytes()).unwrap();
        let failed = restored.failed.join("\n");
        assert!(failed.contains("a_gone\" does not exist") && failed.contains("not these"), "{failed}");
        assert!(restored.failed.len() >= 3, "{failed}");
        assert!(!file.exists());
        let left = "SELECT to_regclass('public.executed') IS NULL, (SELECT count(*) FROM pg_class WHERE relname = 'executed')";
        assert_eq!(SERVER.sql("evil_back", left), "t|0");
        assert_eq!(SERVER.sql("evil_back", "SELECT x FROM public.z_kept"), "7");
        SERVER.sql("postgres", "DROP DATABASE evil_back");
    }
    // An archive with a table that cannot be created: its type does not exist on this server.
    let archive = dump("evil_rows", &["-Fc", "-Z0"]);
    let broken = replaced(&archive, b"CREATE TABLE public.a_gone (", b"CREATE TABLE nowher.a_gone (");
    let restored = restore(target("evil_back", false).continuing_on_error(), &broken).unwrap();
    assert!(restored.failed.iter().any(|text| text.contains("a_gone\" does not exist")), "{restored:?}");
    assert!(!file.exists());
    assert_eq!(SERVER.sql("evil_back", "SELECT count(*) FROM pg_class WHERE relname = 'executed'"), "0");
    assert_eq!(
        SERVER.sql("evil_back", "SELECT (SELECT count(*) FROM b_late), (SELECT x FROM z_kept)"),
        "6|7"
    );
    // Text that is no statement of a dump is refused, as without --continue.
    let script = format!("{text}\\! touch {}\n{data}", file.display());
    let refused = restore(target("evil_no", false).continuing_on_error(), script.as_bytes()).unwrap_err();
    assert!(matches!(refused, SourceError::Script(_)) && !file.exists(), "{refused}");
    assert_eq!(databases("^evil_no$"), "0");
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn continued_statements_keep_the_earlier_settings() {
    SERVER.sql("postgres", "CREATE ROLE going_owner");
    let script = "--
-- PostgreSQL database dump
--
SET client_encoding = 'LATIN1';
SET default_tablespace = 'no_such_space';
SET work_mem = '5MB';
SET SESSION AUTHORIZATION DEFAULT;
SET transaction_timeout_of_another_age = 0;
SELECT pg_catalog.set_config('app.mode', 'odd', false);
SET standard_conforming_strings = off;
CREATE TABLE public.t (v text);
ALTER TABLE public.t OWNER TO nobody_here;
CREATE EXTENSION no_such_extension;
COPY public.nowhere (v) FROM stdin;
x
\\.
CREATE TABLE public.after AS SELECT 'a\\'b' AS v, '\u{e4}' AS umlaut, current_setting('app.mode') AS mode,
  current_setting('work_mem') AS mem;
ALTER TABLE public.t OWNER TO going_owner;
COPY public.t (v) FROM stdin;
\u{e4}
\\.
SELECT 1";
    let script: Vec<u8> = script.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let restored = restore(target("settings_back", false).continuing_on_error(), &script).unwrap();
    let failed = restored.failed.join("\n");
    for word in ["no_such_space", "nobody_here", "no_such_extension", "public.nowhere"] {
        assert!(failed.contains(word), "{word}: {failed}");
    }
    assert_eq!(restored.failed.len(), 4, "{failed}");
    assert_eq!(SERVER.sql("settings_back", "SELECT v, umlaut, mode, mem FROM after"), "a'b|ä|odd|5MB");
    assert_eq!(
        SERVER.sql(
            "settings_back",
            "SELECT v, (SELECT tableowner FROM pg_tables WHERE tablename = 't') FROM t"
        ),
        "ä|going_owner"
    );
}
