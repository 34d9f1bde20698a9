//! What blocks a target, and what a restore says about it.

use super::*;
use crate::postgres_target::{Target, clean_up, open_by};

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

/// Takes longer than the guard of a finished program would wait for shared resources.
#[test]
fn a_swap_that_waits_for_other_sessions_leaves_nothing_behind() {
    restore(target("kept", false), &dump("shop", &["-Fc"])).unwrap();
    let archive = dump("shop", &["-Fc"]);
    let mut sink = target("kept", true).sink();
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
    // Now it is noticed at once.
    let begun = std::time::Instant::now();
    assert!(matches!(restore(target("kept", true), &archive), Err(SourceError::InUse { .. })));
    assert!(begun.elapsed() < std::time::Duration::from_secs(8));
    SERVER.sql("kept", "ROLLBACK PREPARED 'two''phase'");
    restore(target("kept", true), &archive).unwrap();
}

#[test]
fn shared_databases_are_no_targets() {
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
        // Only the old `public` is gone and recreated, which counts as empty.
        SERVER.sql(name, "DROP SCHEMA public; CREATE SCHEMA public");
        let empty = target(name, false).sink().write(&dump);
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
fn a_database_that_somebody_made_meanwhile_is_not_touched() {
    let dump = dump("shop", &["-Fp"]);
    let mut sink = target("meanwhile", false).sink();
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

// case: onto-source-guard-by-spelling
#[test]
fn a_restore_onto_its_source_is_refused_under_any_spelling() {
    SERVER.sql("postgres", "CREATE DATABASE guarded");
    SERVER.sql("guarded", "CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    let mut stream = open_by(&PgUrl::parse(&SERVER.url("guarded")).unwrap(), &Tools::installed()).unwrap();
    let mut dump = Vec::new();
    stream.read_to_end(&mut dump).unwrap();
    let complete = stream.finish().unwrap();
    SERVER.sql("guarded", "INSERT INTO t VALUES (2)");
    let identity = complete.origin.database.clone().unwrap();

    let url = SERVER.url("guarded");
    for spelled in
        [url.clone(), url.replace("127.0.0.1", "localhost"), url.replace("postgres://", "postgresql://")]
    {
        let guarded = Target::new(&spelled, true).unwrap();
        let refused =
            restore(guarded.refusing_source(Some(identity.clone()), &complete.detail, false), &dump);
        assert!(matches!(refused, Err(SourceError::SameAsSource(_))), "{spelled}");
    }
    // A copy looks like this: the same identifiers, another start time of the server.
    let mut copied = identity.clone();
    (copied.started, copied.address) = (copied.started.map(|at| at + 1), Some("192.0.2.1".into()));
    let refused = restore(target("guarded", true).refusing_source(Some(copied.clone()), "", true), &dump);
    assert!(matches!(refused, Err(SourceError::MayBeCopy(_))));
    assert_eq!(SERVER.sql("guarded", "SELECT count(*) FROM t"), "2");
    // Another database is different, even under the old name and in the old place.
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

/// On its own server, because it drops everything that no restore is using.
#[test]
fn clean_up_drops_what_died_and_leaves_what_lives() {
    let server = Server::start();
    server.shop("shop", 1);
    // Definitions that take longer than the timeout.
    server.sql(
        "shop",
        "DO $$ BEGIN FOR i IN 1..600 LOOP EXECUTE format('CREATE TABLE t%s (x int)', i); END LOOP; END $$",
    );
    let dump = server.tool("pg_dump", "shop", &["-Fp"]).stdout;
    let beginning = 80_000;
    assert!(!String::from_utf8_lossy(&dump[..beginning]).contains("COPY "));
    let target = |name: &str| Target::new(&server.url(name), false).unwrap();
    let mut alive = target("alive").sink();
    // Not in the middle of a COPY: PostgreSQL does not drop a database while one waits for its client.
    alive.write(&dump[..beginning]).unwrap();
    // As after a SIGKILL: nobody holds the lock, and nobody is connected.
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_00c0ffee IS_TEMPLATE true");
    server.sql("postgres", "CREATE DATABASE sealkeep_replaced_ffffffff");
    server.sql("postgres", "CREATE DATABASE sealkeep_restoring_mine");
    let url = PgUrl::parse(&server.url("shop")).unwrap();
    let warned = open_by(&url, &Tools::installed()).unwrap().warnings().to_vec();
    assert!(warned.iter().any(|w| w.to_string().contains("sealkeep_restoring_00c0ffee")), "{warned:?}");

    let cleaned = clean_up(&server.url("absent"), &Stopper::default()).unwrap();
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
