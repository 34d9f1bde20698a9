//! A created database resembles the original.

use super::*;
use crate::postgres_target::open_by;
use client_core::format::snapshot::{DatabaseProperties, Provider};

#[test]
fn a_dump_is_in_its_databases_own_encoding() {
    SERVER.sql("postgres", "CREATE DATABASE asked");
    SERVER.sql("asked", "CREATE TABLE w (v text); INSERT INTO w VALUES ('日本')");
    SERVER.sql("postgres", "ALTER DATABASE asked SET client_encoding = 'LATIN1'");
    let mut url = SERVER.url("asked");
    for client in ["", "?client_encoding=SJIS"] {
        url.push_str(client);
        let mut stream = open_by(&PgUrl::parse(&url).unwrap(), &Tools::installed()).unwrap();
        let mut dump = Vec::new();
        stream.read_to_end(&mut dump).unwrap();
        stream.finish().unwrap();
        let holds = |text: &str| dump.windows(text.len()).any(|found| found == text.as_bytes());
        assert!(holds("SET client_encoding = 'UTF8'") && holds("日本"), "{client}");
    }
}

#[test]
fn an_existing_database_keeps_its_properties_and_that_is_reported() {
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
    let notes = back_up_and_restore("special", "special_back")
        .notes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    for word in ["LATIN1", "collation", "mine", "connection limit", "work_mem"] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
}

/// What a backup by URL captures.
fn captured(from: &str) -> (Vec<u8>, Option<DatabaseProperties>) {
    let mut stream = open_by(&PgUrl::parse(&SERVER.url(from)).unwrap(), &Tools::installed()).unwrap();
    let mut dump = Vec::new();
    stream.read_to_end(&mut dump).unwrap();
    (dump, stream.finish().unwrap().origin.properties)
}

fn back_up_and_restore(from: &str, to: &str) -> Restored {
    let (dump, properties) = captured(from);
    restore(target(to, false).like(properties), &dump).unwrap()
}

// case: made-database-loses-encoding-and-collation
#[test]
fn a_created_database_has_the_properties_of_the_original() {
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
        assert!(restored.notes.is_empty(), "{restored:?}");
        assert_eq!(all(to), all(from));
        let words = "SELECT string_agg(v, ',' ORDER BY v) FROM w";
        assert_eq!(SERVER.sql(to, words), SERVER.sql(from, words));
    }
    // Properties in a handmade dump count too; privileges on the database are listed.
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
    // A replacement keeps the properties that its owner set, regardless of the dump, and that is reported.
    restore(target("icu_back", true), &dump("shop", &["-Fc"])).unwrap();
    assert_eq!(all("icu_back"), all("icu"));
    for continuing_on_error in [false, true] {
        SERVER.sql("postgres", "DROP DATABASE IF EXISTS plain");
        SERVER.sql("postgres", "CREATE DATABASE plain");
        let onto = target("plain", true).like(captured("icu").1);
        let onto = if continuing_on_error { onto.continuing_on_error() } else { onto };
        let notes = restore(onto, &dump("icu", &["-Fc"]))
            .unwrap()
            .notes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        for word in ["keeps its own properties", "icu", "de-DE", "words's", "connection limit", "app.mode"] {
            assert!(notes.contains(word), "{word}: {notes}");
        }
    }
    // Privileges can be left out alone; leaving out owners leaves out privileges too.
    let owner_and_rights = |database: &str| {
        let sql = "SELECT pg_get_userbyid(datdba), datacl IS NULL FROM pg_database WHERE datname = ";
        SERVER.sql("postgres", &format!("{sql}'{database}'"))
    };
    let (bytes, properties) = captured("icu");
    restore(target("icu_no_rights", false).like(properties.clone()).without_privileges(), &bytes).unwrap();
    assert_eq!(owner_and_rights("icu_no_rights"), "keeper|t");
    restore(target("icu_no_owner", false).like(properties).without_owners(), &bytes).unwrap();
    assert_eq!(owner_and_rights("icu_no_owner"), "postgres|t");

    // Properties that the server lacks are named; the rest is applied.
    let (dump, properties) = captured("icu");
    let mut properties = properties.unwrap();
    (properties.provider, properties.locale) = (Provider::Libc, None);
    (properties.collate, properties.owner) = ("xx_YY.nowhere".into(), "nobody_here".into());
    properties.settings.push(("no_such_setting".into(), "1".into()));
    let restored = restore(target("icu_poor", false).like(Some(properties)), &dump).unwrap();
    let notes = restored.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for word in ["collation", "xx_YY.nowhere", "owner nobody_here", "no_such_setting"] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
    assert_eq!(restored.notes.len(), 3, "{notes}");
}

/// To the server `begin` is an ordinary name; to psql it opens a function body.
#[test]
fn a_name_that_psql_would_count_is_restored() {
    SERVER.sql("postgres", "CREATE DATABASE counted");
    SERVER.sql(
        "counted",
        "CREATE TABLE span (begin int, v text); INSERT INTO span VALUES (1, 'a'), (2, 'b');
         CREATE FUNCTION begin(begin int) RETURNS text LANGUAGE sql STABLE
           RETURN (SELECT v FROM span WHERE span.begin = $1)",
    );
    let text = "CREATE FUNCTION latest() RETURNS int LANGUAGE sql STABLE BEGIN ATOMIC SELECT \"begin\" FROM span ORDER BY \"begin\" DESC LIMIT 1; END;\n";
    SERVER.sql("counted", text);
    for (number, form) in [&["-Fc"][..], &["-Fp"]].into_iter().enumerate() {
        let (dump, back) = (dump("counted", form), format!("counted_back_{number}"));
        restore(target(&back, false), &dump).unwrap();
        assert_eq!(SERVER.sql(&back, "SELECT latest(), public.begin(1)"), "2|a");
    }
}
