//! Restores into a real PostgreSQL server: whole or not at all, whatever the target is like.
#![expect(clippy::unwrap_used, reason = "tests")]

mod private_postgres;

use std::{io::Read, sync::LazyLock};

use client_core::{
    error::Error,
    source::{
        PgUrl, SourceError, Stopper,
        postgres::{self, DatabaseSink, RestoreTarget, Restored, Tools},
    },
};
use private_postgres::{PASSWORD, PASSWORD_IN_URL, Server};

/// A server with little room for locks.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.sql("postgres", "ALTER SYSTEM SET max_locks_per_transaction = 20");
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

/// Longer than the guard of a program that has ended would wait with what it shares with others.
#[test]
fn a_swap_that_waits_for_company_leaves_nothing_behind() {
    restore(target("kept", false), &dump("shop", &["-Fc"])).unwrap();
    let archive = dump("shop", &["-Fc"]);
    let mut sink = DatabaseSink::new(target("kept", true));
    sink.write(&archive).unwrap();
    SERVER.sql(
        "kept",
        "CREATE TABLE here (x int); BEGIN; INSERT INTO here VALUES (1); PREPARE TRANSACTION 'two''phase'",
    );
    let refused = sink.finish().unwrap_err();
    assert!(
        matches!(&refused, SourceError::InUse { who, .. } if who == "prepared transaction 'two''phase' of postgres"),
        "{refused}"
    );
    let left = "SELECT count(*) FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE '%it becomes kept %'";
    assert_eq!(SERVER.sql("postgres", left), "0");
    // Now it is seen at once.
    let begun = std::time::Instant::now();
    assert!(matches!(restore(target("kept", true), &archive), Err(SourceError::InUse { .. })));
    assert!(begun.elapsed() < std::time::Duration::from_secs(8));
    SERVER.sql("kept", "ROLLBACK PREPARED 'two''phase'");
    restore(target("kept", true), &archive).unwrap();
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

#[test]
fn a_dump_is_in_its_databases_own_encoding() {
    SERVER.sql("postgres", "CREATE DATABASE asked");
    SERVER.sql("asked", "CREATE TABLE w (v text); INSERT INTO w VALUES ('日本')");
    SERVER.sql("postgres", "ALTER DATABASE asked SET client_encoding = 'LATIN1'");
    let mut url = SERVER.url("asked");
    for client in ["", "?client_encoding=SJIS"] {
        url.push_str(client);
        let mut stream = postgres::open(&PgUrl::parse(&url).unwrap(), &Tools::installed()).unwrap();
        let mut dump = Vec::new();
        stream.read_to_end(&mut dump).unwrap();
        stream.finish().unwrap();
        let holds = |text: &str| dump.windows(text.len()).any(|found| found == text.as_bytes());
        assert!(holds("SET client_encoding = 'UTF8'") && holds("日本"), "{client}");
    }
}

#[test]
fn what_is_everybodys_is_no_target() {
    let dump = dump("shop", &["-Fc"]);
    SERVER.sql("postgres", "CREATE DATABASE model IS_TEMPLATE true");
    for (name, overwrite) in [("template0", true), ("template1", true), ("model", true), ("postgres", false)]
    {
        let refused = restore(target(name, overwrite), &dump).unwrap_err();
        assert!(matches!(refused, SourceError::Reserved { .. }), "{name}: {refused}");
    }
}

#[test]
fn any_object_makes_a_database_not_empty() {
    let dump = dump("shop", &["-Fc"]);
    for (name, sql) in [
        ("has_schema", "CREATE SCHEMA app"),
        ("has_extension", "CREATE EXTENSION pgcrypto"),
        ("has_publication", "CREATE PUBLICATION p"),
        ("has_wrapper", "CREATE FOREIGN DATA WRAPPER w"),
        ("has_cast", "CREATE CAST (text AS int) WITH INOUT"),
    ] {
        SERVER.sql("postgres", &format!("CREATE DATABASE {name}"));
        // Only an old `public` is gone and came back: that is nothing.
        SERVER.sql(name, "DROP SCHEMA public; CREATE SCHEMA public");
        let empty = DatabaseSink::new(target(name, false)).write(&dump);
        assert!(empty.is_ok(), "{empty:?}");
        SERVER.sql(name, sql);
        assert!(matches!(restore(target(name, false), &dump), Err(SourceError::NotEmpty(_))), "{name}");
    }
    restore(target("has_schema", true), &dump).unwrap();
    assert_eq!(SERVER.sql("has_schema", "SELECT to_regnamespace('app') IS NULL"), "t");
}

#[test]
fn a_database_that_replicates_is_not_replaced() {
    let dump = dump("shop", &["-Fc"]);
    SERVER.sql("postgres", "CREATE DATABASE follows");
    SERVER.sql(
        "follows",
        "CREATE TABLE t (x int); CREATE SUBSCRIPTION sub CONNECTION 'host=192.0.2.1' PUBLICATION p
           WITH (connect = false, slot_name = NONE)",
    );
    let refused = restore(target("follows", true), &dump).unwrap_err();
    assert!(matches!(&refused, SourceError::InUse { who, .. } if who == "subscription sub"), "{refused}");
    SERVER.sql("follows", "DROP SUBSCRIPTION sub");
}

#[test]
fn an_existing_database_keeps_its_properties_and_that_is_said() {
    SERVER.sql(
        "postgres",
        "CREATE DATABASE special TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' CONNECTION LIMIT 7",
    );
    SERVER.sql(
        "postgres",
        "COMMENT ON DATABASE special IS 'mine'; ALTER DATABASE special SET work_mem = '5MB'",
    );
    SERVER.sql("special", "CREATE TABLE t (x int)");
    SERVER.sql("postgres", "CREATE DATABASE special_back");
    let notes = back_up_and_restore("special", "special_back").notes.join("\n");
    for word in ["LATIN1", "collation", "mine", "connection limit", "work_mem"] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
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
    // What a dump made by hand says of its database counts as well; rights on it are listed.
    let said = "SELECT pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, daticulocale, datconnlimit,
                       pg_get_userbyid(datdba), shobj_description(d.oid, 'pg_database'),
                       (SELECT string_agg(coalesce(r.rolname, '') || s.setconfig::text, ';' ORDER BY r.rolname)
                          FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = d.oid)
                  FROM pg_database d WHERE datname = ";
    for (form, to) in
        [(&["-Fc"][..], "icu_archive"), (&["-Ft"], "icu_tar"), (&["-Fp", "--create"], "icu_sql")]
    {
        restore(target(to, false), &dump("icu", form)).unwrap();
        let of = |database: &str| SERVER.sql("postgres", &format!("{said}'{database}'"));
        assert_eq!(of(to), of("icu"), "{form:?}");
    }
    // What replaces it keeps what its owner gave it, whatever the dump's was.
    restore(target("icu_back", true), &dump("shop", &["-Fc"])).unwrap();
    assert_eq!(all("icu_back"), all("icu"));

    // What the server cannot give is named; the rest is there.
    let mut stream = postgres::open(&PgUrl::parse(&SERVER.url("icu")).unwrap(), &Tools::installed()).unwrap();
    let mut dump = Vec::new();
    stream.read_to_end(&mut dump).unwrap();
    let mut properties = stream.finish().unwrap().origin.properties.unwrap();
    (properties.provider, properties.locale) = (client_core::format::snapshot::Provider::Libc, None);
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
    for (number, form) in [&["-Fc"][..], &["-Fp"], &["-Ft"]].into_iter().enumerate() {
        let (dump, back) = (dump("sp", form), format!("sp_back_{number}"));
        let refused = restore(target(&back, false), &dump).unwrap_err();
        assert!(refused.to_string().contains("relation \"a\" does not exist"), "{refused}");
        assert!(Error::from(refused).next_step().contains("--continue"));
        assert_eq!(databases(&format!("^{back}$")), "0");
        let restored = restore(target(&back, false).keeping_going(), &dump).unwrap();
        let [failed] = restored.failed.as_slice() else { unreachable!("{restored:?}") };
        assert!(failed.contains("relation \"a\" does not exist") && failed.contains("COPY b"), "{failed}");
        assert_eq!(
            SERVER.sql(&back, "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT x FROM c)"),
            "1|0|4"
        );
    }
}

/// Rows of a COPY that fails are rows, whatever stands in them, and whether it fails at its beginning, at its end, or
/// only the second time.
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
    // Long enough that psql is gone before all of it was written.
    SERVER.sql(
        "evil_rows",
        &format!(
            "INSERT INTO a_gone SELECT repeat('CREATE TABLE executed (x int);', {width}) FROM generate_series(1, {rows})"
        ),
    );
    // What the dump makes of the tables before their rows come.
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
        let restored = restore(target("evil_back", false).keeping_going(), script.as_bytes()).unwrap();
        let failed = restored.failed.join("\n");
        assert!(failed.contains("a_gone\" does not exist") && failed.contains("not these"), "{failed}");
        assert!(restored.failed.len() >= 3, "{failed}");
        assert!(!file.exists());
        let left = "SELECT to_regclass('public.executed') IS NULL, (SELECT count(*) FROM pg_class WHERE relname = 'executed')";
        assert_eq!(SERVER.sql("evil_back", left), "t|0");
        assert_eq!(SERVER.sql("evil_back", "SELECT x FROM public.z_kept"), "7");
        SERVER.sql("postgres", "DROP DATABASE evil_back");
    }
    // An archive whose table cannot be made: its type is missing on this server.
    let archive = dump("evil_rows", &["-Fc", "-Z0"]);
    let broken = replaced(&archive, b"CREATE TABLE public.a_gone (", b"CREATE TABLE nowher.a_gone (");
    let restored = restore(target("evil_back", false).keeping_going(), &broken).unwrap();
    assert!(restored.failed.iter().any(|text| text.contains("a_gone\" does not exist")), "{restored:?}");
    assert!(!file.exists());
    assert_eq!(SERVER.sql("evil_back", "SELECT count(*) FROM pg_class WHERE relname = 'executed'"), "0");
    assert_eq!(
        SERVER.sql("evil_back", "SELECT (SELECT count(*) FROM b_late), (SELECT x FROM z_kept)"),
        "6|7"
    );
    // What is no statement of a dump is refused, as without --continue.
    let script = format!("{text}\\! touch {}\n{data}", file.display());
    let refused = restore(target("evil_no", false).keeping_going(), script.as_bytes()).unwrap_err();
    assert!(matches!(refused, SourceError::Script(_)) && !file.exists(), "{refused}");
    assert_eq!(databases("^evil_no$"), "0");
}

/// Policies and grants stand behind the rows of a dump; what they need is asked for before anything is made.
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
    let dumps = [dump("late", &["-Fc", "-Z0"]), dump("late", &["-Ft"])];
    SERVER.sql("late", "DROP OWNED BY late_policy, late_grant, late_owner");
    SERVER.sql("postgres", "DROP ROLE late_policy, late_grant, late_owner");
    for dump in dumps {
        // Whoever may not create a database hears of it only once one would be created.
        let url = SERVER.url("late_back").replace(&format!("postgres:{PASSWORD_IN_URL}@"), "no_maker:x@");
        let mut sink = DatabaseSink::new(RestoreTarget::new(&url, false).unwrap());
        let refused =
            dump[..dump.len() / 4].chunks(10_000).find_map(|piece| sink.write(piece).err()).unwrap();
        let said = refused.to_string();
        for role in ["late_policy", "late_grant", "late_owner"] {
            assert!(said.contains(role), "{role}: {said}");
        }
    }
    assert_eq!(databases("^late_back$"), "0");
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|part| part == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn what_goes_on_has_the_settings_from_before() {
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
    let restored = restore(target("settings_back", false).keeping_going(), &script).unwrap();
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

/// On a server of its own: it drops whatever no restore works on.
#[test]
fn clean_up_drops_what_died_and_leaves_what_lives() {
    let server = Server::start();
    server.shop("shop", 1);
    // Definitions that are longer than what is waited for.
    server.sql(
        "shop",
        "DO $$ BEGIN FOR i IN 1..600 LOOP EXECUTE format('CREATE TABLE t%s (x int)', i); END LOOP; END $$",
    );
    let dump = server.tool("pg_dump", "shop", &["-Fp"]).stdout;
    let beginning = 80_000;
    assert!(!String::from_utf8_lossy(&dump[..beginning]).contains("COPY "));
    let target = |name: &str| RestoreTarget::new(&server.url(name), false).unwrap();
    let mut alive = DatabaseSink::new(target("alive"));
    // Not in the middle of a COPY: PostgreSQL drops no database while one waits for its client.
    alive.write(&dump[..beginning]).unwrap();
    // As after a SIGKILL: nobody holds the lock, and nobody is connected.
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_00c0ffee IS_TEMPLATE true");
    server.sql("postgres", "CREATE DATABASE sealkeep_replaced_ffffffff");
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_mine");
    let url = PgUrl::parse(&server.url("shop")).unwrap();
    let warned = postgres::open(&url, &Tools::installed()).unwrap().warnings().to_vec();
    assert!(warned.iter().any(|w| w.to_string().contains("sealkeep_restoring_00c0ffee")), "{warned:?}");

    let cleaned =
        postgres::clean_up(&server.url("absent"), &Tools::installed(), &Stopper::default()).unwrap();
    assert_eq!(cleaned.dropped, ["sealkeep_replaced_ffffffff", "sealkeep_restoring_00c0ffee"]);
    assert!(cleaned.in_use.len() == 1 && cleaned.failed.is_empty(), "{cleaned:?}");
    alive.write(&dump[beginning..]).unwrap();
    alive.finish().unwrap();
    let names = server.sql(
        "postgres",
        "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE NOT datistemplate",
    );
    assert_eq!(names, "alive,postgres,sealkeep_restoring_mine,shop");
}

#[test]
fn a_database_that_somebody_made_meanwhile_is_not_touched() {
    let dump = dump("shop", &["-Fp"]);
    let mut sink = DatabaseSink::new(target("meanwhile", false));
    sink.write(&dump).unwrap();
    SERVER.sql("postgres", "CREATE DATABASE meanwhile");
    SERVER.sql("meanwhile", "CREATE TABLE theirs (x int)");
    assert!(matches!(sink.finish(), Err(SourceError::Taken(name)) if name == "meanwhile"));
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

/// What reads differently under a setting that was changed in passing, or with a variable of psql's in it.
#[test]
fn a_dump_is_read_in_one_way() {
    let plain = String::from_utf8(dump("shop", &["-Fp"])).unwrap();
    let covertly = |name: &str, value: &str| {
        format!("DO $$ BEGIN PERFORM pg_catalog.set_config('{name}', '{value}', false); END $$;\n")
            .into_bytes()
    };
    let strings = covertly("standard_conforming_strings", "off");
    let encoding = covertly("client_encoding", "SJIS");
    for hostile in [
        [&strings[..], b"SELECT '\\' || '; COMMIT; DROP DATABASE victim; --';\n"].concat(),
        [
            &encoding[..],
            b"CREATE TABLE public.bait (a text);\n/* \x83*/ COPY public.bait FROM stdin;\n*/ COMMIT; DROP DATABASE victim;\n\\.\n",
        ]
        .concat(),
        b"CREATE TABLE public.bait (a text);\nCREATE VIEW public.seen AS SELECT (ARRAY[1])[1:e'\\''::text::int] AS x;\nCOPY public.bait FROM stdin;\n/* ' */ COMMIT; DROP DATABASE victim; COPY public.bait FROM stdin;\n\\.\n".to_vec(),
    ] {
        SERVER.sql("postgres", "CREATE DATABASE victim");
        let at = plain.find("CREATE SCHEMA").unwrap();
        let script = [&plain.as_bytes()[..at], &hostile, &plain.as_bytes()[at..]].concat();
        let restored = restore(target("read_once", false), &script);
        let shown = String::from_utf8_lossy(&hostile).into_owned();
        assert_eq!(databases("^victim$"), "1", "{shown}: {restored:?}");
        SERVER.sql("postgres", "DROP DATABASE IF EXISTS read_once");
        SERVER.sql("postgres", "DROP DATABASE victim");
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
