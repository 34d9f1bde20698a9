//! Restores into a real PostgreSQL server: all or nothing, whatever the state of the target.
#![expect(clippy::unwrap_used, reason = "tests")]

mod continue_on_error;
mod hostile;
mod likeness;
use crate::postgres_target::Target;
use crate::private_postgres;
mod targets;

use std::{
    io::{Read, Write},
    sync::LazyLock,
};

use client_core::{
    error::Error,
    format::snapshot::{Need, Part, ScriptNeeds},
    source::{PgUrl, Restored, SourceError, Stopper, completeness::CompletenessCheck, postgres::Tools},
};
use private_postgres::{PASSWORD, PASSWORD_IN_URL, Server};

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.sql("postgres", "ALTER SYSTEM SET max_prepared_transactions = 5");
    server.down();
    server.up();
    server.shop("shop", 1);
    server
});

const SUMS: &str = "SELECT (SELECT md5(string_agg(i::text, ',' ORDER BY id)) FROM item i),
    (SELECT md5(string_agg(o::text, ',' ORDER BY x)) FROM s.\"odd name\" o),
    (SELECT md5(string_agg(md5(lo_get(oid)), ',' ORDER BY oid)) FROM pg_largeobject_metadata)";

fn dump(database: &str, form: &[&str]) -> Vec<u8> {
    let output = SERVER.tool("pg_dump", database, form);
    assert!(output.status.success());
    output.stdout
}

/// The needs recorded by the backup of a dump.
fn needs(dump: &[u8]) -> Option<ScriptNeeds> {
    let mut check = CompletenessCheck::new();
    check.feed(dump).ok()?;
    check.finish().ok()?.needs
}

fn restore(target: Target, dump: &[u8]) -> Result<Restored, SourceError> {
    let mut sink = target.needing(needs(dump)).sink();
    for piece in dump.chunks(50_000) {
        sink.write(piece)?;
    }
    sink.finish()
}

fn target(database: &str, overwrite: bool) -> Target {
    Target::new(&SERVER.url(database), overwrite).unwrap()
}

fn databases(pattern: &str) -> String {
    SERVER.sql("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname ~ '{pattern}'"))
}

#[test]
fn an_empty_database_takes_a_dump_in_one_transaction() {
    for (database, form) in [("empty_sql", &["-Fp"][..]), ("empty_archive", &["-Fc"])] {
        SERVER.sql("postgres", &format!("CREATE DATABASE {database}"));
        let oid = format!("SELECT oid FROM pg_database WHERE datname = '{database}'");
        let before = SERVER.sql("postgres", &oid);
        let dump = dump("shop", form);
        let mut sink = target(database, false).sink();
        sink.write(&dump[..dump.len() / 2]).unwrap();
        drop(sink);
        assert_eq!(SERVER.sql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
        restore(target(database, false), &dump).unwrap();
        assert_eq!(SERVER.sql(database, SUMS), SERVER.sql("shop", SUMS));
        assert_eq!(SERVER.sql("postgres", &oid), before);
    }
}

#[test]
fn overwrite_replaces_and_never_doubles_rows() {
    SERVER.sql("postgres", "CREATE DATABASE plain_source");
    // Without a key, only replacing the database prevents duplicate rows.
    SERVER.sql("plain_source", "CREATE TABLE r (x int); INSERT INTO r VALUES (1), (2)");
    for (database, form) in [("again_sql", &["-Fp"][..]), ("again_archive", &["-Fc"])] {
        let dump = dump("plain_source", form);
        restore(target(database, false), &dump).unwrap();
        SERVER.sql(database, "CREATE TABLE later (x int); INSERT INTO r VALUES (3)");
        assert!(matches!(restore(target(database, false), &dump), Err(SourceError::NotEmpty(_))));
        restore(target(database, true), &dump).unwrap();
        assert_eq!(SERVER.sql(database, "SELECT string_agg(x::text, ',' ORDER BY x) FROM r"), "1,2");
        assert_eq!(SERVER.sql(database, "SELECT to_regclass('later') IS NULL"), "t");
        assert_eq!(databases(&format!("^{database}$")), "1");

        // A cut dump leaves the existing database unchanged.
        SERVER.sql(database, "INSERT INTO r VALUES (4)");
        let mut sink = target(database, true).sink();
        sink.write(&dump[..dump.len() * 2 / 3]).unwrap();
        drop(sink);
        assert_eq!(SERVER.sql(database, "SELECT string_agg(x::text, ',' ORDER BY x) FROM r"), "1,2,4");
    }
}

// case: restore-locks-one-transaction
#[test]
fn a_restore_holds_few_locks() {
    // Its own server: other sessions take up lock slots.
    let server = Server::start();
    server.sql("postgres", "ALTER SYSTEM SET max_locks_per_transaction = 20");
    server.down();
    server.up();
    let dump = |form: &[&str]| server.tool("pg_dump", "many", form).stdout;
    let target = |database| Target::new(&server.url(database), false).unwrap();
    server.sql("postgres", "CREATE DATABASE many");
    for _ in 0..4 {
        server.sql(
            "many",
            "DO $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM pg_tables WHERE schemaname = 'public';
               FOR i IN n..n + 99 LOOP EXECUTE format('CREATE TABLE t_%s (id serial PRIMARY KEY, v text UNIQUE)', i); END LOOP;
             END $$",
        );
    }
    server.sql("many", "INSERT INTO t_7 (v) VALUES ('seven')");
    for (database, form) in [("many_sql", &["-Fp"][..]), ("many_archive", &["-Fc"])] {
        let dump = dump(form);
        // A database created by the restore does not hold a lock per object until the end.
        restore(target(database), &dump).unwrap();
        assert_eq!(server.sql(database, "SELECT v FROM t_7"), "seven");
        assert_eq!(server.sql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "400");
    }
    // An existing one does, which is reported before anything is changed.
    server.sql("postgres", "CREATE DATABASE many_existing");
    for form in [&["-Fc"][..], &["-Fp"]] {
        let refused = restore(target("many_existing"), &dump(form)).unwrap_err();
        let SourceError::TooManyLocks { need, free, setting, enough, .. } = refused else {
            unreachable!("{form:?}: {refused}")
        };
        assert!(need == 1600 && free < need && setting == 20 && enough > setting, "{form:?}: {need}");
        assert_eq!(
            server.sql("many_existing", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
            "0"
        );
    }
}

#[test]
fn the_error_is_named_and_not_the_end_of_its_statement() {
    let columns = "\n  a int,\n  b int,\n  c int,\n  d int,\n  e int,\n  f int,\n  g int,\n  h no_such_type";
    let script = format!("--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE kept ({columns}\n);\n");
    let refused = restore(target("broken_back", false), script.as_bytes()).unwrap_err().to_string();
    assert!(refused.contains("type \"no_such_type\" does not exist"), "{refused}");
    assert_eq!(databases("^broken_back$"), "0");
}

/// Policies and grants come after the rows of a dump; what they need is checked before anything is created.
#[test]
fn what_later_definitions_need_is_known_before_anything_is_written() {
    SERVER.sql("postgres", "CREATE ROLE late_policy; CREATE ROLE late_grant; CREATE ROLE late_owner");
    SERVER.sql("postgres", "CREATE ROLE no_maker LOGIN PASSWORD 'x'");
    SERVER.sql("postgres", "CREATE DATABASE late");
    SERVER.sql(
        "late",
        "CREATE TABLE r (id int); INSERT INTO r SELECT generate_series(1, 200000); GRANT SELECT ON r TO late_grant;
         ALTER TABLE r ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON r FOR SELECT TO late_policy USING (true);
         CREATE VIEW v AS SELECT 1 AS one; ALTER VIEW v OWNER TO late_owner",
    );
    let plain = dump("late", &["-Fp"]);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&plain).unwrap();
    let packed = packer.finish().unwrap();
    let dumps = [dump("late", &["-Fc", "-Z0"]), dump("late", &["-Ft"]), plain, packed];
    SERVER.sql("late", "DROP OWNED BY late_policy, late_grant, late_owner");
    SERVER.sql("postgres", "DROP ROLE late_policy, late_grant, late_owner");
    for dump in dumps {
        // The missing right to create databases is reported only once one has to be created.
        let url = SERVER.url("late_back").replace(&format!("postgres:{PASSWORD_IN_URL}@"), "no_maker:x@");
        let mut sink = Target::new(&url, false).unwrap().needing(needs(&dump)).sink();
        let refused =
            dump[..dump.len() / 4].chunks(10_000).find_map(|piece| sink.write(piece).err()).unwrap();
        let said = refused.to_string();
        for role in ["late_policy", "late_grant", "late_owner"] {
            assert!(said.contains(role), "{role}: {said}");
        }
    }
    assert_eq!(databases("^late_back$"), "0");
}

/// Each need of a script is known with its purpose, so that leaving a part out drops its needs as well.
#[test]
fn what_sql_text_needs_is_read_with_it() {
    for role in ["a_owner", "a_reader", "a_writer", "a_policy"] {
        SERVER.sql("postgres", &format!("CREATE ROLE {role}"));
    }
    SERVER.sql("postgres", "CREATE DATABASE asks");
    SERVER.sql(
        "asks",
        "CREATE TABLE r (id int); INSERT INTO r VALUES (1); ALTER TABLE r OWNER TO a_owner; GRANT SELECT ON r TO a_reader;
         GRANT INSERT ON r TO a_writer; ALTER TABLE r ENABLE ROW LEVEL SECURITY; SELECT lo_create(77);
         CREATE POLICY p ON r FOR SELECT TO a_policy, a_reader USING (true); CREATE EXTENSION pg_stat_statements;
         CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()",
    );
    let plain = dump("asks", &["-Fp"]);
    let found = needs(&plain).unwrap();
    let all: std::collections::BTreeSet<(Need, Part, &str)> =
        found.needs.iter().map(|one| (one.need, one.part, one.name.as_str())).collect();
    for expected in [
        (Need::Role, Part::Owners, "a_owner"),
        (Need::Role, Part::Privileges, "a_reader"),
        (Need::Role, Part::Privileges, "a_writer"),
        (Need::Role, Part::Privileges, "a_policy"),
        (Need::Extension, Part::Definitions, "pg_stat_statements"),
        (Need::Superuser, Part::Definitions, "event trigger e"),
    ] {
        assert!(all.contains(&expected), "{expected:?}: {all:?}");
    }
    // The table (the extension's views do not count); owners of the function and the large object.
    assert_eq!((found.locks, found.owner_locks), (1, 2));
    let text = String::from_utf8(plain.clone()).unwrap();
    let line = text.lines().position(|line| line.starts_with("CREATE POLICY")).unwrap() + 1;
    let policy = found.needs.iter().find(|one| one.name == "a_policy").unwrap();
    assert_eq!(policy.line, line as u64);
    // It can be read in pieces of any size; text that is no script of one database needs nothing.
    let mut check = CompletenessCheck::new();
    plain.chunks(7).for_each(|piece| check.feed(piece).unwrap());
    assert_eq!(check.finish().unwrap().needs, Some(found));
    assert_eq!(needs(&dump("asks", &["-Fc"])), None);

    SERVER.sql("asks", "DROP OWNED BY a_reader, a_writer, a_policy; REASSIGN OWNED BY a_owner TO postgres");
    SERVER.sql("postgres", "DROP ROLE a_owner, a_reader, a_writer, a_policy");
    let refused = restore(target("asks_back", false), &plain).unwrap_err().to_string();
    assert!(
        ["a_owner", "a_reader", "a_writer", "a_policy"].iter().all(|role| refused.contains(role)),
        "{refused}"
    );
    let refused = restore(target("asks_back", false).without_privileges(), &plain).unwrap_err().to_string();
    assert!(refused.contains("a_owner") && !refused.contains("a_reader"), "{refused}");
    restore(target("asks_back", false).without_owners(), &plain).unwrap();
    SERVER.sql("postgres", "DROP DATABASE asks_back");
    assert!(!restore(target("asks_back", false).continuing_on_error(), &plain).unwrap().failed.is_empty());
}

#[test]
fn what_the_server_lacks_is_named_and_can_be_left_out() {
    SERVER.sql("postgres", "CREATE ROLE passing");
    SERVER.sql("postgres", "CREATE DATABASE needy");
    SERVER.sql(
        "needy",
        "CREATE TABLE r (id int); INSERT INTO r VALUES (1); ALTER TABLE r OWNER TO passing; GRANT SELECT ON r TO passing;
         ALTER TABLE r ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON r FOR SELECT TO passing USING (true)",
    );
    let dumps = [dump("needy", &["-Fp"]), dump("needy", &["-Fc"])];
    SERVER.sql("needy", "DROP OWNED BY passing");
    SERVER.sql("postgres", "DROP ROLE passing");
    for dump in dumps {
        let refused = restore(target("needy_back", false), &dump).unwrap_err().to_string();
        assert!(refused.contains("role \"passing\""), "{refused}");
        assert_eq!(databases("^needy_back$"), "0");
        let restored =
            restore(target("needy_back", false).without_owners().skipping_missing(), &dump).unwrap();
        assert!(restored.notes.iter().any(|note| note.to_string().contains("passing")), "{restored:?}");
        assert_eq!(SERVER.sql("needy_back", "SELECT count(*) FROM r"), "1");
        SERVER.sql("postgres", "DROP DATABASE needy_back");
    }
}
