//! A dump is not a program.

use super::*;
use crate::postgres_target::open_by;

/// A hostile dump cannot run anything on this machine or outside its database.
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

/// Text whose meaning depends on a setting changed on the way, or that contains a psql variable.
#[test]
fn a_dump_has_one_interpretation() {
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

/// A source whose own catalog lies about its privileges, which end up in our SQL during a restore.
#[test]
fn rights_that_a_source_invents_are_not_executed() {
    let marker = tempfile::TempDir::new().unwrap();
    let file = marker.path().join("owned");
    SERVER.sql("postgres", "CREATE DATABASE victim_of_rights");
    SERVER.sql("postgres", "CREATE DATABASE liar");
    SERVER.sql("postgres", "GRANT CONNECT ON DATABASE liar TO PUBLIC");
    for (number, invented) in [
        "CONNECT ON DATABASE liar TO PUBLIC; DROP DATABASE victim_of_rights; --".to_owned(),
        format!("CONNECT\n\\! touch {}\n", file.display()),
    ]
    .into_iter()
    .enumerate()
    {
        SERVER.sql(
            "liar",
            &format!(
                "CREATE OR REPLACE FUNCTION pg_catalog.aclexplode(acl aclitem[], OUT grantor oid, OUT grantee oid,
                     OUT privilege_type text, OUT is_grantable boolean) RETURNS SETOF record LANGUAGE sql STABLE
                 AS $f$ SELECT 10::oid, 0::oid, $i${invented}$i$, false $f$"
            ),
        );
        assert!(SERVER.sql("liar", "SELECT privilege_type FROM aclexplode('{}')").starts_with("CONNECT"));
        // The dump itself still succeeds.
        let mut stream = open_by(&PgUrl::parse(&SERVER.url("liar")).unwrap(), &Tools::installed()).unwrap();
        let mut dump = Vec::new();
        stream.read_to_end(&mut dump).unwrap();
        let properties = stream.finish().unwrap().origin.properties;
        assert_eq!(properties.as_ref().unwrap().grants.as_ref().unwrap(), &[], "{invented}");
        let back = format!("liar_back_{number}");
        restore(target(&back, false).like(properties), &dump).unwrap();
        assert!(!file.exists(), "{invented}");
        assert_eq!(databases("^victim_of_rights$"), "1", "{invented}");
    }
}
