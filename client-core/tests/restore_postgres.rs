//! Restores into a real PostgreSQL server: whole or not at all, whatever the target is like.
#![expect(clippy::unwrap_used, reason = "tests")]

mod private_postgres;

use std::{io::Read, sync::LazyLock};

use client_core::source::{
    PgUrl, SourceError,
    postgres::{self, DatabaseSink, RestoreTarget, Restored, Tools},
    sentinel::ENOUGH,
};
use private_postgres::{PASSWORD, Server};

/// A server with little room for locks.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.sql("postgres", "ALTER SYSTEM SET max_locks_per_transaction = 20");
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
    assert!(need == 1600 && free < need && setting == 20 && enough > setting);
    assert_eq!(
        SERVER.sql("many_existing", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0"
    );
}

#[test]
fn the_error_is_named_and_not_the_end_of_its_statement() {
    let columns = "\n  a int,\n  b int,\n  c int,\n  d int,\n  e int,\n  f int,\n  g int,\n  h no_such_type";
    let script = format!("--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE kept ({columns}\n);\n");
    let refused = restore(target("broken_back", false), script.as_bytes()).unwrap_err().to_string();
    assert!(refused.contains("type \"no_such_type\" does not exist"), "{refused}");
    assert_eq!(databases("^broken_back$"), "0");
}

/// A restore of what a backup by URL reads, as the original was.
fn back_up_and_restore(from: &str, to: &str) -> Restored {
    let mut stream = postgres::open(&PgUrl::parse(&SERVER.url(from)).unwrap(), &Tools::installed()).unwrap();
    let mut dump = Vec::new();
    stream.read_to_end(&mut dump).unwrap();
    let complete = stream.finish().unwrap();
    restore(target(to, false).like(complete.origin.properties), &dump).unwrap()
}

#[test]
fn made_database_loses_encoding_and_collation() {
    SERVER.sql("postgres", "CREATE ROLE keeper; CREATE ROLE reader");
    SERVER.sql(
        "postgres",
        "CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' ENCODING 'UTF8' CONNECTION LIMIT 17",
    );
    SERVER.sql("icu", "CREATE TABLE w (v text); INSERT INTO w VALUES ('ä'), ('z'), ('a'), ('Z')");
    SERVER.sql(
        "postgres",
        "COMMENT ON DATABASE icu IS 'words''s'; ALTER DATABASE icu SET search_path = \"$user\", app, public;
         ALTER DATABASE icu SET work_mem = '5MB'; ALTER DATABASE icu SET app.mode = 'a, b';
         ALTER ROLE reader IN DATABASE icu SET lock_timeout = '7s';
         REVOKE ALL ON DATABASE icu FROM PUBLIC; GRANT CONNECT ON DATABASE icu TO reader WITH GRANT OPTION;
         ALTER DATABASE icu OWNER TO keeper",
    );
    SERVER.sql(
        "postgres",
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    );
    SERVER.sql("latin", "CREATE TABLE w (v text); INSERT INTO w VALUES ('ä')");
    let all = |database: &str| {
        SERVER.sql(
            "postgres",
            &format!(
                "SELECT pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, daticulocale, datconnlimit,
                        pg_get_userbyid(datdba), datacl::text, shobj_description(d.oid, 'pg_database'),
                        (SELECT string_agg(coalesce(r.rolname, '') || s.setconfig::text, ';' ORDER BY r.rolname)
                           FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = d.oid)
                   FROM pg_database d WHERE datname = '{database}'"
            ),
        )
    };
    for (from, to) in [("icu", "icu_back"), ("latin", "latin_back")] {
        let restored = back_up_and_restore(from, to);
        assert_eq!(restored.notes, [""; 0]);
        assert_eq!(all(to), all(from));
        let words = "SELECT string_agg(v, ',' ORDER BY v) FROM w";
        assert_eq!(SERVER.sql(to, words), SERVER.sql(from, words));
    }
    // What replaces it keeps what its owner gave it, whatever the dump's was.
    restore(target("icu_back", true), &dump("shop", &["-Fc"])).unwrap();
    assert_eq!(all("icu_back"), all("icu"));

    // What the server cannot give is named; the rest is there.
    let mut stream = postgres::open(&PgUrl::parse(&SERVER.url("icu")).unwrap(), &Tools::installed()).unwrap();
    let mut dump = Vec::new();
    stream.read_to_end(&mut dump).unwrap();
    let mut properties = stream.finish().unwrap().origin.properties.unwrap();
    (properties.provider, properties.locale) = ("libc".into(), None);
    (properties.collate, properties.owner) = ("xx_YY.nowhere".into(), "nobody_here".into());
    properties.settings.push(("no_such_setting".into(), "1".into()));
    let restored = restore(target("icu_poor", false).like(Some(properties)), &dump).unwrap();
    let notes = restored.notes.join("\n");
    for word in ["collation", "xx_YY.nowhere", "owner nobody_here", "no_such_setting"] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
    assert_eq!(restored.notes.len(), 3, "{notes}");
}

#[test]
fn onto_source_guard_by_spelling() {
    SERVER.sql("postgres", "CREATE DATABASE guarded");
    SERVER.sql("guarded", "CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    let mut stream =
        postgres::open(&PgUrl::parse(&SERVER.url("guarded")).unwrap(), &Tools::installed()).unwrap();
    let mut dump = Vec::new();
    stream.read_to_end(&mut dump).unwrap();
    let complete = stream.finish().unwrap();
    SERVER.sql("guarded", "INSERT INTO t VALUES (2)");
    let identity = complete.origin.database.clone().unwrap();

    let url = SERVER.url("guarded");
    for spelled in
        [url.clone(), url.replace("127.0.0.1", "localhost"), url.replace("postgres://", "postgresql://")]
    {
        let guarded = RestoreTarget::new(&spelled, true).unwrap();
        let refused =
            restore(guarded.refusing_source(Some(identity.clone()), &complete.detail, false), &dump);
        assert!(matches!(refused, Err(SourceError::SameAsSource(_))), "{spelled}");
    }
    // A copy looks like this: the same identifiers, another start of the server.
    let mut copied = identity.clone();
    (copied.started, copied.address) = (copied.started.map(|at| at + 1), Some("192.0.2.1".into()));
    let refused = restore(target("guarded", true).refusing_source(Some(copied.clone()), "", true), &dump);
    assert!(matches!(refused, Err(SourceError::MayBeCopy(_))));
    assert_eq!(SERVER.sql("guarded", "SELECT count(*) FROM t"), "2");
    // Another database is another one, also under the old name and at the old place.
    SERVER.sql("postgres", "ALTER DATABASE guarded RENAME TO guarded_old");
    SERVER.sql("postgres", "CREATE DATABASE guarded");
    let guarded = target("guarded", false).refusing_source(Some(identity.clone()), &complete.detail, true);
    restore(guarded, &dump).unwrap();
    let renamed = target("guarded_old", true).refusing_source(Some(identity), &complete.detail, true);
    assert!(matches!(restore(renamed, &dump), Err(SourceError::SameAsSource(_))));
    // Confirmed to be a copy.
    restore(target("guarded_old", true).refusing_source(Some(copied), "", false), &dump).unwrap();
    assert_eq!(SERVER.sql("guarded_old", "SELECT count(*) FROM t"), "1");
}

#[test]
fn search_path_functions() {
    SERVER.sql("postgres", "CREATE DATABASE sp");
    SERVER.sql(
        "sp",
        "CREATE TABLE a (x int PRIMARY KEY); INSERT INTO a VALUES (1);
         CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT count(*)::int + $1 FROM a';
         CREATE TABLE b (v int CHECK (f(v) > 0)); INSERT INTO b VALUES (3); CREATE TABLE c (x int); INSERT INTO c VALUES (4)",
    );
    let archive = dump("sp", &["-Fc"]);
    let refused = restore(target("sp_back", false), &archive).unwrap_err().to_string();
    assert!(refused.contains("relation \"a\" does not exist"), "{refused}");
    assert_eq!(databases("^sp_back$"), "0");
    let restored = restore(target("sp_back", false).keeping_going(), &archive).unwrap();
    assert!(
        restored.failed.len() == 1 && restored.failed[0].contains("relation \"a\" does not exist"),
        "{restored:?}"
    );
    assert_eq!(
        SERVER.sql("sp_back", "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT x FROM c)"),
        "1|0|4"
    );
    // Rows of a failed COPY would be statements to psql.
    let refused = restore(target("sp_text", false).keeping_going(), &dump("sp", &["-Fp"])).unwrap_err();
    assert!(matches!(refused, SourceError::NotRestorable(_)), "{refused}");
    assert_eq!(databases("^sp_text$"), "0");
}

/// On a server of its own: it drops whatever no restore works on.
#[test]
fn clean_up_drops_what_died_and_leaves_what_lives() {
    let server = Server::start();
    server.shop("shop", 1);
    // A table of contents that is longer than what a dump is recognised by.
    server.sql(
        "shop",
        "DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE TABLE t%s (x int)', i); END LOOP; END $$",
    );
    let dump = server.tool("pg_dump", "shop", &["-Fc"]).stdout;
    let target = |name: &str| RestoreTarget::new(&server.url(name), false).unwrap();
    let mut alive = DatabaseSink::new(target("alive"));
    // Not in the middle of a COPY: PostgreSQL drops no database while one waits for its client.
    alive.write(&dump[..ENOUGH]).unwrap();
    // As after a SIGKILL: nobody holds the lock, and nobody is connected.
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_00c0ffee");
    server.sql("postgres", "CREATE DATABASE sealkeep_replaced_ffffffff");
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_mine");
    let url = PgUrl::parse(&server.url("shop")).unwrap();
    let warned = postgres::open(&url, &Tools::installed()).unwrap().warnings().to_vec();
    assert!(warned.iter().any(|w| w.to_string().contains("sealkeep_restoring_00c0ffee")), "{warned:?}");

    let cleaned = postgres::clean_up(&server.url("absent"), &Tools::installed()).unwrap();
    assert_eq!(cleaned.dropped, ["sealkeep_replaced_ffffffff", "sealkeep_restoring_00c0ffee"]);
    assert!(cleaned.in_use.len() == 1 && cleaned.failed.is_empty(), "{cleaned:?}");
    alive.write(&dump[ENOUGH..]).unwrap();
    alive.finish().unwrap();
    let names = server.sql(
        "postgres",
        "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate",
    );
    assert_eq!(names, "alive,postgres,sealkeep_restoring_mine,shop");
}

#[test]
fn a_database_that_somebody_made_meanwhile_is_not_touched() {
    let dump = dump("shop", &["-Fc"]);
    let mut sink = DatabaseSink::new(target("meanwhile", false));
    sink.write(&dump).unwrap();
    SERVER.sql("postgres", "CREATE DATABASE meanwhile");
    SERVER.sql("meanwhile", "CREATE TABLE theirs (x int)");
    assert!(sink.finish().unwrap_err().to_string().contains("already exists"));
    assert_eq!(
        SERVER.sql(
            "meanwhile",
            "SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ),
        "theirs"
    );
}

/// What a hostile dump holds runs neither on this machine nor beyond its database.
#[test]
fn text_from_a_dump_is_not_a_program() {
    let plain = String::from_utf8(dump("shop", &["-Fp"])).unwrap();
    let marker = tempfile::TempDir::new().unwrap();
    let file = marker.path().join("owned");
    for (hostile, existing) in [
        (format!("\\! touch {}\n", file.display()), false),
        (format!("\\! touch {}\n", file.display()), true),
        (format!("COPY item FROM PROGRAM 'touch {}';\n", file.display()), false),
        (format!("\\o |touch {}\nSELECT 1;\n", file.display()), false),
        ("ROLLBACK;\n".to_owned(), true),
        ("END;\nDROP TABLE item;\n".to_owned(), true),
    ] {
        if existing {
            SERVER.sql("postgres", "CREATE DATABASE hostile");
        }
        let script = plain.replacen("CREATE SCHEMA", &format!("{hostile}CREATE SCHEMA"), 1);
        let refused = restore(target("hostile", false), script.as_bytes()).unwrap_err();
        assert!(matches!(refused, SourceError::Script(_)), "{hostile}: {refused}");
        assert!(!file.exists(), "{hostile}");
        if existing {
            assert_eq!(SERVER.sql("hostile", "SELECT to_regclass('item') IS NULL"), "t");
            SERVER.sql("postgres", "DROP DATABASE hostile");
        }
        assert_eq!(databases("^hostile$"), "0");
    }
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
        assert!(restored.notes.iter().any(|note| note.contains("passing")), "{restored:?}");
        assert_eq!(SERVER.sql("needy_back", "SELECT count(*) FROM r"), "1");
        SERVER.sql("postgres", "DROP DATABASE needy_back");
    }
}
