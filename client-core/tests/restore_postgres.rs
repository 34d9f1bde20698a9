//! Restores into a real PostgreSQL server: whole or not at all, whatever the target is like.
#![expect(clippy::unwrap_used, reason = "tests")]

mod private_postgres;

use std::sync::LazyLock;

use client_core::source::{
    SourceError,
    postgres::{DatabaseSink, RestoreTarget, Restored},
};
use private_postgres::{PASSWORD, Server};

/// A server with little room for locks.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.sql("postgres", "ALTER SYSTEM SET max_locks_per_transaction = 10");
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

fn restore(target: RestoreTarget, dump: &[u8]) -> Result<Restored, SourceError> {
    let mut sink = DatabaseSink::new(target);
    for piece in dump.chunks(50_000) {
        sink.write(piece)?;
    }
    sink.finish()
}

fn target(database: &str, overwrite: bool) -> RestoreTarget {
    RestoreTarget::new(&SERVER.url(database), overwrite).unwrap()
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
        let mut sink = DatabaseSink::new(target(database, false));
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
    // Without a key nothing but the replacement keeps rows from doubling.
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

        // Cut: the database that is there stays.
        SERVER.sql(database, "INSERT INTO r VALUES (4)");
        let mut sink = DatabaseSink::new(target(database, true));
        sink.write(&dump[..dump.len() * 2 / 3]).unwrap();
        drop(sink);
        assert_eq!(SERVER.sql(database, "SELECT string_agg(x::text, ',' ORDER BY x) FROM r"), "1,2,4");
    }
}

#[test]
fn a_database_in_use_is_not_replaced() {
    restore(target("busy", false), &dump("shop", &["-Fc"])).unwrap();
    let mut psql = std::process::Command::new(SERVER.bin().join("psql"))
        .args(["-h", "127.0.0.1", "-p", &SERVER.port.to_string(), "-U", "postgres", "-d", "busy"])
        .args(["-XAtq", "-c", "SELECT 1", "-c", "SELECT pg_sleep(60)"])
        .env("PGPASSWORD", PASSWORD)
        .env("PGAPPNAME", "webshop")
        .spawn()
        .unwrap();
    private_postgres::eventually("the session", || {
        SERVER.sql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'webshop'")
            == "1"
    });
    let refused = restore(target("busy", true), &dump("shop", &["-Fc"])).unwrap_err();
    assert!(matches!(&refused, SourceError::InUse { who, .. } if who.contains("webshop")), "{refused}");
    psql.kill().unwrap();
    psql.wait().unwrap();
    SERVER.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'busy'");
}

#[test]
fn restore_locks_one_transaction() {
    SERVER.sql("postgres", "CREATE DATABASE many");
    for _ in 0..4 {
        SERVER.sql(
            "many",
            "DO $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM pg_tables WHERE schemaname = 'public';
               FOR i IN n..n + 99 LOOP EXECUTE format('CREATE TABLE t_%s (id serial PRIMARY KEY, v text UNIQUE)', i); END LOOP;
             END $$",
        );
    }
    SERVER.sql("many", "INSERT INTO t_7 (v) VALUES ('seven')");
    for (database, form) in [("many_sql", &["-Fp"][..]), ("many_archive", &["-Fc"])] {
        let dump = dump("many", form);
        // A database that the restore creates needs no lock for each object until the end.
        restore(target(database, false), &dump).unwrap();
        assert_eq!(SERVER.sql(database, "SELECT v FROM t_7"), "seven");
        assert_eq!(SERVER.sql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "400");
    }
    // An existing one does: that is said before anything is changed.
    SERVER.sql("postgres", "CREATE DATABASE many_existing");
    let refused = restore(target("many_existing", false), &dump("many", &["-Fc"])).unwrap_err();
    let SourceError::TooManyLocks { need, free, setting, enough, .. } = refused else {
        unreachable!("{refused}")
    };
    assert!(need == 1600 && free < need && setting == 10 && enough > setting);
    assert_eq!(
        SERVER.sql("many_existing", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0"
    );
}

#[test]
fn the_error_is_named_and_not_the_end_of_its_statement() {
    SERVER.sql("postgres", "CREATE DATABASE broken");
    SERVER.sql(
        "broken",
        "CREATE ROLE vanishing; CREATE TABLE kept (x int);
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER TABLE kept OWNER TO vanishing",
    );
    let dump = dump("broken", &["-Fc"]);
    SERVER.sql("broken", "DROP TABLE kept; DROP ROLE vanishing");
    let refused = restore(target("broken_back", false), &dump).unwrap_err().to_string();
    assert!(refused.contains("role \"vanishing\" does not exist"), "{refused}");
    assert_eq!(databases("^broken_back$"), "0");
}
