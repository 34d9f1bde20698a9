//! A database on a real server.

use std::sync::{
    LazyLock,
    atomic::{AtomicU32, Ordering},
};

use client_core::source::{Engine, PgUrl, postgres::Postgres};

use super::Fixture;
use crate::private_postgres::Server;

pub(super) struct Shop;

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start();
    server.shop("shop", 1);
    server
});

impl Fixture for Shop {
    fn engine(&self) -> &'static dyn Engine {
        &Postgres
    }

    fn present(&self) -> String {
        SERVER.url("shop")
    }

    fn absent(&self) -> Option<String> {
        Some(SERVER.url("absent"))
    }

    fn fresh(&self) -> Option<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Some(SERVER.url(&format!("fresh{}", NEXT.fetch_add(1, Ordering::SeqCst))))
    }

    fn content(&self, text: &str) -> Option<String> {
        let url = PgUrl::parse(text).ok()?;
        let name = url.database();
        let there =
            SERVER.sql("postgres", &format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"));
        (there == "1").then(|| {
            SERVER.sql(name, "SELECT count(*), md5(string_agg(i::text, ',' ORDER BY id)) FROM item i")
        })
    }
}
