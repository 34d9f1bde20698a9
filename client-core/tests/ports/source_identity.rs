//! A database's identity and properties, queried from real servers.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::begin::begin;
use crate::private_postgres;

use std::{io::Read, sync::LazyLock};

use client_core::{
    format::snapshot::{Kinship, Privilege},
    source::{
        self, Complete, PgUrl, Stopper,
        postgres::{self, Tools},
    },
};
use private_postgres::Server;

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.shop("shop", 1);
    server
});

fn dumped(url: &str) -> Complete {
    let mut stream = begin(source::database(url).unwrap()).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    stream.finish().unwrap()
}

// case: onto-source-guard-by-spelling
#[test]
fn a_database_is_recognized_by_its_identity() {
    let other = Server::start();
    other.sql("postgres", "CREATE DATABASE shop");
    SERVER.sql("postgres", "CREATE DATABASE neighbor");
    SERVER.sql("postgres", "CREATE ROLE plain LOGIN PASSWORD 'plain'");
    let identity = |url: &str| {
        postgres::identify(&PgUrl::parse(url).unwrap(), &Tools::installed(), &Stopper::default())
            .unwrap()
            .unwrap()
    };
    let shop = identity(&SERVER.url("shop"));
    assert!(shop.system_identifier.is_some() && shop.started.is_some() && shop.data_directory.is_some());
    assert_eq!((shop.name.as_str(), shop.address.as_deref()), ("shop", Some("127.0.0.1")));
    for same in [
        SERVER.url("shop").replace("127.0.0.1", "localhost"),
        SERVER.url("shop").replace("127.0.0.1", "127.0.0.2,127.0.0.1"),
        format!("postgres://plain:plain@127.0.0.1:{}/shop", SERVER.port),
    ] {
        assert_eq!(shop.compare(&identity(&same)), Kinship::Same, "{same}");
    }
    assert_eq!(shop.compare(&identity(&SERVER.url("neighbor"))), Kinship::Different);
    assert_eq!(shop.compare(&identity(&other.url("shop"))), Kinship::Different);
    let before = identity(&other.url("shop"));
    other.down();
    other.up();
    assert_eq!(before.compare(&identity(&other.url("shop"))), Kinship::MayBeCopy, "a restart is no proof");
    let copy = other.cloned();
    let (original, copied) = (identity(&other.url("shop")), identity(&copy.url("shop")));
    assert_eq!(original.system_identifier, copied.system_identifier);
    assert_eq!(original.compare(&copied), Kinship::MayBeCopy);
}

/// A dump carries its database's properties, so that a restore can recreate them.
// case: made-database-loses-encoding-and-collation
#[test]
fn a_dump_carries_its_databases_properties() {
    SERVER.sql("postgres", "CREATE ROLE \"Chef | de\" LOGIN; CREATE ROLE app LOGIN");
    SERVER.sql(
        "postgres",
        "CREATE DATABASE furnished TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' ENCODING 'UTF8' OWNER \"Chef | de\" CONNECTION LIMIT 17",
    );
    SERVER.sql("postgres", "COMMENT ON DATABASE furnished IS E'two\\nlines\\t|'");
    SERVER.sql("postgres", "ALTER DATABASE furnished SET search_path = 'a', public");
    SERVER.sql("postgres", "ALTER DATABASE furnished SET application_name = 'x=y'");
    SERVER.sql("postgres", "ALTER ROLE app IN DATABASE furnished SET work_mem = '1MB'");
    SERVER.sql("postgres", "REVOKE ALL ON DATABASE furnished FROM public");
    SERVER.sql("postgres", "GRANT CONNECT ON DATABASE furnished TO app WITH GRANT OPTION");
    let complete = dumped(&SERVER.url("furnished"));
    let found = complete.origin.properties.unwrap();
    assert_eq!((found.encoding.as_str(), found.provider.as_str()), ("UTF8", "icu"));
    assert_eq!(found.locale.as_deref(), Some("de-DE"));
    assert_eq!((found.collate.as_str(), found.tablespace.as_str()), ("C.UTF-8", "pg_default"));
    assert_eq!((found.owner.as_str(), found.connection_limit), ("Chef | de", 17));
    assert_eq!(found.comment.as_deref(), Some("two\nlines\t|"));
    assert!(found.settings.contains(&("application_name".into(), "x=y".into())), "{:?}", found.settings);
    assert!(found.settings.contains(&("search_path".into(), "a, public".into())), "{:?}", found.settings);
    assert_eq!(found.role_settings, [("app".into(), "work_mem".into(), "1MB".into())]);
    let grants = found.grants.unwrap();
    assert!(
        grants
            .iter()
            .any(|g| g.role.as_deref() == Some("app") && g.privilege == Privilege::Connect && g.grantable)
    );
    assert!(grants.iter().all(|g| g.role.is_some()));
    // Default privileges of an unmodified database are not recorded.
    let complete = dumped(&SERVER.url("shop"));
    assert_eq!(complete.origin.properties.unwrap().grants, None);
}
