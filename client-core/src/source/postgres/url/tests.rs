//! All ways to write a connection, and what is passed to a program.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::ffi::OsStrExt;

use super::*;

fn parse(url: &str) -> Result<PgUrl, SourceError> {
    PgUrl::parse_with(url, &|_| None)
}

fn variables(url: &PgUrl) -> Vec<(String, Vec<u8>)> {
    url.command(Path::new("psql"))
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.as_bytes().to_vec())))
        .collect()
}

fn variable(url: &PgUrl, name: &str) -> Option<String> {
    variables(url).into_iter().find(|(known, _)| known == name).map(|(_, value)| readable(&value))
}

#[test]
fn a_url_becomes_variables() {
    let url = parse(
        "PostgreSQL://al%40ice:p%2Fw%25@db.example:6000/shop%20one?sslmode=verify-full&options=-c%20a%3Db",
    )
    .unwrap();
    for (name, expected) in [
        ("PGUSER", "al@ice"),
        ("PGPASSWORD", "p/w%"),
        ("PGHOST", "db.example"),
        ("PGPORT", "6000"),
        ("PGDATABASE", "shop one"),
        ("PGSSLMODE", "verify-full"),
        ("PGOPTIONS", "-c a=b"),
    ] {
        assert_eq!(variable(&url, name).as_deref(), Some(expected));
    }
    assert_eq!(url.place(), "db.example:6000/shop one");
    assert!(!format!("{url} {url:?}").contains("p/w"));
    let same = parse("user=al@ice password=p/w% host=db.example port=6000 dbname='shop one'").unwrap();
    assert_eq!((same.to_string(), variable(&same, "PGPASSWORD")), (url.to_string(), Some("p/w%".into())));
}

#[test]
fn hosts_sockets_and_what_is_left_out() {
    let url = parse("postgres://a:1,[::1]:2/x").unwrap();
    assert_eq!(
        (variable(&url, "PGHOST").unwrap(), variable(&url, "PGPORT").unwrap()),
        ("a,::1".into(), "1,2".into())
    );
    let url = parse("postgres://%2Fvar%2Frun/x").unwrap();
    assert!(url.is_local() && variable(&url, "PGHOST").unwrap() == "/var/run");
    let url = parse("postgres://bob@/?host=/tmp&port=7").unwrap();
    assert_eq!(url.place(), "/tmp:7/bob");
    let url = parse("postgres://a:1,b:2/shop").unwrap();
    assert_eq!(url.place(), "a:1,b:2/shop");
    let url =
        PgUrl::parse_with("postgres:///", &|name| (name == "PGDATABASE").then(|| "env".into())).unwrap();
    assert_eq!((url.database(), url.host()), ("env", "local socket"));
    assert_eq!(parse("postgres://u:p@ss@h/d").unwrap().host(), "h");
    // A name in another encoding than UTF-8 reaches the server unchanged.
    let url = parse("postgres://h/caf%E9").unwrap();
    assert_eq!(url.database(), "caf\\xe9");
    assert!(variables(&url).contains(&("PGDATABASE".into(), b"caf\xe9".to_vec())));
}

#[test]
fn an_address_that_is_shown_can_be_typed() {
    for (text, shown) in [
        ("postgres:///shop", "postgres:///shop"),
        ("postgres://ada@:5433/shop", "postgres://ada@:5433/shop"),
        ("host=/run/postgresql user=ada dbname=shop", "postgres://ada@%2Frun%2Fpostgresql:5432/shop"),
        ("postgres://ada:hunter299@[fe80::1%25eth0]:1,b:2/x", "postgres://ada@[fe80::1%25eth0]:1,b:2/x"),
        ("user='a@b:c' host=h dbname='50% of?#/'", "postgres://a%40b%3Ac@h:5432/50%25%20of%3F%23%2F"),
        ("postgres://h/caf%E9", "postgres://h:5432/caf%E9"),
        ("postgres://h/café", "postgres://h:5432/café"),
    ] {
        let url = parse(text).unwrap();
        assert_eq!(url.to_string(), shown);
        let typed = parse(shown).unwrap();
        assert_eq!((typed.place(), typed.to_string()), (url.place(), url.to_string()));
    }
}

proptest::proptest! {
    #[test]
    fn any_names_can_be_shown_and_typed(
        user in "[^\0]{1,12}", host in "[^\0,]{1,12}", name in "[^\0]{1,12}"
    ) {
        let encoded = |text: &str| conninfo::in_url(text.as_bytes()).to_string();
        let (user, host, name) = (encoded(&user), encoded(&host), encoded(&name));
        let url = parse(&format!("postgres:///?user={user}&host={host}&dbname={name}")).unwrap();
        let typed = parse(&url.to_string()).unwrap();
        for name in ["PGUSER", "PGHOST", "PGDATABASE"] {
            proptest::prop_assert_eq!(variable(&typed, name), variable(&url, name), "{}", url);
        }
    }
}

#[test]
fn a_service_ranks_between_the_url_and_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pg_service.conf");
    std::fs::write(&file, "[shop]\nhost=db1\ndbname=orders\nuser=svc\nkeepalives_idle=7\n").unwrap();
    let ambient = |name: &str| match name {
        "HOME" => Some(home.path().display().to_string()),
        "PGUSER" | "PGHOST" => Some("env".into()),
        _ => None,
    };
    let url = PgUrl::parse_with("postgres://ada@/?service=shop", &ambient).unwrap();
    assert_eq!(url.to_string(), "postgres://ada@db1:5432/orders");
    assert_eq!(variable(&url, "PGSERVICE").as_deref(), Some(SERVICE), "ours, which holds no host");
    let ours = std::fs::read_to_string(variable(&url, "PGSERVICEFILE").unwrap()).unwrap();
    assert!(ours.contains("keepalives_idle=7\n") && !ours.contains("db1"), "{ours}");
    let named = |name: &str| (name == "PGSERVICE").then(|| "shop".into()).or_else(|| ambient(name));
    assert_eq!(PgUrl::parse_with("postgres://", &named).unwrap().database(), "orders");
    assert_eq!(PgUrl::parse_with("service=shop", &ambient).unwrap().database(), "orders");
    let direct = format!("service=shop servicefile={}", file.display());
    assert_eq!(parse(&direct).unwrap().database(), "orders");
    // In LDAP, or wherever else only libpq looks.
    let url = PgUrl::parse_with("service=elsewhere", &ambient).unwrap();
    assert_eq!((url.database(), variable(&url, "PGSERVICE").as_deref()), ("elsewhere", Some("elsewhere")));
    assert_eq!(variable(&url, "PGDATABASE"), None);
}

#[test]
fn wrong_urls_are_refused_without_repeating_them() {
    for bad in [
        "mysql://secret@x/y",
        "secret",
        "postgres://u:secret@h:0/d",
        "postgres://u:secret@h:99999/d",
        "postgres://u:secret%@h/d",
        "postgres://u:secret%zz@h/d",
        "postgres://u:secret%00@h/d",
        "postgres://u:secret@[::1/d",
        "postgres://u:secret@h/d?pgbouncer=true",
        "postgres://u:secret@h/d?sslmode",
        "host=h password='secret",
        "host=h secret",
        "host=h schema=public password=secret",
    ] {
        let error = parse(bad).unwrap_err();
        assert!(
            matches!(error, SourceError::Usage(_)) && !error.to_string().contains("secret"),
            "{bad}: {error}"
        );
    }
    let error = parse("postgres://h/d?schema=public").unwrap_err().to_string();
    assert!(error.contains("`schema`"), "{error}");
}

#[test]
fn nothing_secret_is_an_argument_and_little_is_inherited() {
    let url = parse("postgres://u:marker@h/d?sslpassword=marker&tcp_user_timeout=5").unwrap();
    let command = url.command(Path::new("pg_dump"));
    assert!(command.get_args().all(|argument| !argument.to_string_lossy().contains("marker")));
    let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    assert!(
        names.iter().all(|n| n.starts_with("PG") || n == "LC_ALL" || PASSED_ON.contains(&n.as_str())),
        "{names:?}"
    );
    let file = variable(&url, "PGSERVICEFILE").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "only for us");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("sslpassword=marker\n") && text.contains("tcp_user_timeout=5\n"), "{text}");
    drop(command);
    drop(url);
    assert!(!Path::new(&file).exists());
}
