//! Tests of what is left out of a script, and what the target lacks.

use super::*;

#[test]
fn the_pair_of_pg_dump_is_removed() {
    let script = "\\restrict abc1\nSELECT 1;\n\\unrestrict abc1\n";
    let (out, _) = every_cut(&Policy::default(), script.as_bytes()).unwrap();
    assert_eq!(out, b"\nSELECT 1;\n\n");
    for script in [
        "\\restrict a\nSELECT 1;\n\\unrestrict b\n",
        "\\restrict a\n\\restrict a\n",
        "\\unrestrict a\n",
        "SELECT 1\n\\restrict a\n",
        " \\restrict a\n",
    ] {
        assert!(matches!(refused(script), Found::ClientCommand(_)), "{script}");
    }
    assert!(matches!(refused("\\restrict a\nSELECT 1;\n"), Found::Unfinished(_)));
}

#[test]
fn a_dump_that_creates_its_database_loses_only_that() {
    let script = "\\restrict a\nDROP DATABASE IF EXISTS \"a b\";\nCREATE DATABASE \"a b\" WITH TEMPLATE = template0;\nALTER DATABASE \"a b\" OWNER TO x;\n\\unrestrict a\n\\encoding SQL_ASCII\n\\connect -reuse-previous=on \"dbname='a b'\"\n\\restrict a\nCREATE TABLE t ();\n\\unrestrict a\n";
    let (out, report) = every_cut(&Policy::default(), script.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(out).unwrap().trim(), "CREATE TABLE t ();");
    assert_eq!(report.left_out_count, 3);
    assert!(report.left_out.iter().all(|left| left.reason == Reason::Database), "{report:?}");
    assert_eq!(report.left_out[2].line, 4);
    for script in [
        "CREATE DATABASE a;\n\\connect b\n",
        "\\connect a\n",
        "CREATE DATABASE a;\n\\connect a\n\\connect b\n",
    ] {
        assert!(matches!(refused(script), Found::ClientCommand(_)), "{script}");
    }
}

fn target() -> Option<Target> {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Some(Target {
        roles: set(&["me", "Big"]),
        settings: set(&["statement_timeout", "search_path", "client_min_messages"]),
        extensions: set(&["plpgsql"]),
        tablespaces: set(&["pg_default"]),
        superuser: false,
    })
}

#[test]
fn what_is_not_wanted_is_left_out_and_listed() {
    let script = "ALTER TABLE public.owner OWNER TO boss;\nGRANT SELECT ON TABLE role TO PUBLIC;\nREVOKE ALL ON SCHEMA s FROM x;\nALTER DEFAULT PRIVILEGES FOR ROLE x GRANT ALL ON TABLES TO y;\nSET SESSION AUTHORIZATION 'boss';\nALTER TABLE t RENAME COLUMN owner TO y;\nCREATE POLICY p ON r FOR SELECT TO me, lim USING ((o = CURRENT_USER));\nCREATE POLICY q ON r TO PUBLIC;\n";
    let policy = Policy { no_owner: true, target: target(), ..Policy::default() };
    let (out, report) = every_cut(&policy, script.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\n\n\n\n\nALTER TABLE t RENAME COLUMN owner TO y;\n\nCREATE POLICY q ON r TO PUBLIC;\n"
    );
    assert_eq!(report.left_out_count, 6);
    assert_eq!(report.left_out[5].reason, Reason::Missing(Need::Role, "lim".to_owned()));
    let policy = Policy { no_privileges: true, ..Policy::default() };
    assert_eq!(every_cut(&policy, script.as_bytes()).unwrap().1.left_out_count, 3);
}

#[test]
fn what_the_target_lacks_is_named_or_left_out() {
    for (script, need, name) in [
        ("ALTER TABLE a OWNER TO boss;", Need::Role, "boss"),
        ("ALTER TABLE a OWNER TO \"big\";", Need::Role, "big"),
        ("ALTER TABLE public.value OWNER TO boss;", Need::Role, "boss"),
        ("ALTER TABLE public.rename OWNER TO boss;", Need::Role, "boss"),
        ("ALTER TABLE attribute OWNER TO boss;", Need::Role, "boss"),
        ("ALTER TABLE rename.\"column\" OWNER TO boss;", Need::Role, "boss"),
        ("GRANT ALL ON a TO me, GROUP lim;", Need::Role, "lim"),
        ("CREATE POLICY p ON r TO lim;", Need::Role, "lim"),
        ("CREATE USER MAPPING FOR lim SERVER s;", Need::Role, "lim"),
        ("CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;", Need::Extension, "postgis"),
        ("SET default_tablespace = fast;", Need::Tablespace, "fast"),
        ("CREATE PUBLICATION p FOR ALL TABLES;", Need::Superuser, "publication p"),
        ("ALTER PUBLICATION p ADD TABLES IN SCHEMA s;", Need::Superuser, "publication p"),
        (
            "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();",
            Need::Superuser,
            "event trigger e",
        ),
    ] {
        let strict = Policy { target: target(), ..Policy::default() };
        let error = every_cut(&strict, script.as_bytes()).unwrap_err();
        assert_eq!(error.found, Found::Missing(vec![(need, name.to_owned())]), "{script}");
        let skip = Policy { skip_missing: true, ..strict };
        let (out, report) = every_cut(&skip, script.as_bytes()).unwrap();
        assert_eq!(report.left_out_count, 1, "{script}");
        assert!(out.is_empty() || out.starts_with(b"SET default_tablespace = ''"), "{script}");
        assert!(whole(script).is_ok(), "without a target nothing is missing");
    }
    let policy = Policy { target: target(), skip_missing: true, ..Policy::default() };
    // Its own end is left out with it.
    let (out, report) = every_cut(&policy, b"SELECT 1;\nCREATE EXTENSION postgis").unwrap();
    assert_eq!((out.as_slice(), report.left_out_count), (&b"SELECT 1;\n"[..], 1));
    let script = "CREATE EXTENSION postgis;\nCOMMENT ON EXTENSION postgis IS 'x';\nCREATE PUBLICATION p FOR ALL TABLES;\nALTER PUBLICATION p OWNER TO me;\nCREATE TABLE t ();\nALTER TABLE t OWNER TO \"Big\";\nALTER TABLE t OWNER TO CURRENT_USER;\n";
    let (out, report) = every_cut(&policy, script.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap().trim_start(),
        "CREATE TABLE t ();\nALTER TABLE t OWNER TO \"Big\";\nALTER TABLE t OWNER TO CURRENT_USER;\n"
    );
    assert_eq!(report.left_out_count, 4);
}

#[test]
fn settings_that_the_server_does_not_know_are_left_out() {
    let policy = Policy { target: target(), ..Policy::default() };
    let script = "SET statement_timeout = 0;\nSET transaction_timeout = 0;\nSET my.own = 1;\nSELECT pg_catalog.set_config('search_path', '', false);\nSELECT pg_catalog.set_config('newer', '', false);\n";
    let (out, report) = every_cut(&policy, script.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "SET statement_timeout = 0;\n\nSET my.own = 1;\nSELECT pg_catalog.set_config('search_path', '', false);\n\n"
    );
    assert_eq!(report.left_out_count, 2);
    assert_eq!(report.left_out[0].reason, Reason::UnknownSetting("transaction_timeout".to_owned()));
}
