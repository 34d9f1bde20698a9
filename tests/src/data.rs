//! Databases that resemble an application's, identical for the same size on every machine.

use crate::{failure::Result, postgres::Postgres};

/// Events per megabyte of dump; measured.
const EVENTS_PER_MB: u64 = 3770;

/// Which rows a day's work changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// The newest ones, as in most applications.
    Recent,
    /// Four out of five among the newest tenth, the others anywhere.
    Mostly,
    /// Any row with equal probability: the hardest case for programs that look for equal regions.
    Uniform,
}

impl Spread {
    /// A label for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recent => "the newest rows",
            Self::Mostly => "four of five in the newest tenth",
            Self::Uniform => "rows all over the tables",
        }
    }
}

/// Random-looking numbers and texts that depend only on their arguments.
const FUNCTIONS: &str = r#"
create function rnd(i bigint, salt text) returns bigint language sql immutable parallel safe as
  $$ select ('x' || substr(md5(salt || i), 1, 15))::bit(60)::bigint $$;
create function pick(i bigint, salt text, words text[]) returns text language sql immutable parallel safe as
  $$ select words[1 + rnd(i, salt) % cardinality(words)] $$;
create function names() returns text[] language sql immutable as
  $$ select array['Amira','Bjorn','Chen','Dolores','Emeka','Fatima','Gustav','Hana','Ines','Jonas','Kofi','Lucía','Marek','Noor','Olga','Pavel','Quinn','Rosa','Sven','Tomás','Ulla','Viktor','Wen','Xenia','Yusuf','Zoë'] $$;
create function sentences() returns text[] language sql immutable as
  $$ select array['page opened','item added to the basket','payment accepted','payment refused by the bank','parcel handed over','address changed','password changed','search without a result','voucher redeemed','newsletter cancelled','comment written','refund granted'] $$;
"#;

const TABLES: &str = r#"
create table accounts (
  id bigint primary key, uid uuid not null unique, name text not null, email text not null,
  country char(2) not null, balance numeric(14,2) not null, settings jsonb, created timestamptz not null);
create table orders (
  id bigint primary key, account bigint not null, state text not null, total numeric(12,2) not null,
  items int not null, reference uuid not null, note text, placed timestamptz not null, updated timestamptz);
create table events (
  id bigint primary key, account bigint not null, kind text not null, at timestamptz not null,
  address inet, payload jsonb not null, trace bytea);
"#;

const ACCOUNT: &str = "select i, md5('account' || i)::uuid, pick(i,'first',names()) || ' ' || pick(i,'last',names()) || '-' || rnd(i,'n') % 100000,
  lower(pick(i,'first',names())) || '.' || substr(md5('mail' || i), 1, 7) || '@example.' || pick(i,'tld',array['com','net','org','de','fr']),
  pick(i,'country',array['US','CA','DE','FR','ES','PL','NG','JP']), (rnd(i,'balance') % 100000000)::numeric / 100,
  case when i % 3 = 0 then jsonb_build_object('theme', pick(i,'theme',array['light','dark','auto']), 'language', pick(i,'lang',array['en','de','fr','es','pl']), 'beta', i % 7 = 0) end,
  timestamptz '2024-01-01 00:00Z' + i * interval '137 seconds'";

const ORDER: &str = "select i, 1 + rnd(i,'who') % $accounts, pick(i,'state',array['new','paid','packed','sent','done','done','done','returned']),
  (rnd(i,'total') % 500000)::numeric / 100, 1 + rnd(i,'items') % 9, md5('order' || i)::uuid,
  case when i % 5 = 0 then 'Leave it with ' || pick(i,'note',names()) || ', door code ' || rnd(i,'door') % 10000 end,
  timestamptz '2024-06-01 00:00Z' + i * interval '31 seconds', null";

const EVENT: &str = "select i, 1 + rnd(i,'whose') % $accounts, pick(i,'kind',sentences()), timestamptz '2024-06-01 00:00Z' + i * interval '13 seconds',
  (inet '10.0.0.0' + rnd(i,'ip') % 16777216),
  jsonb_build_object('path', '/' || pick(i,'p1',array['shop','account','help','search','basket']) || '/' || rnd(i,'p2') % 5000, 'ms', rnd(i,'ms') % 3000,
    'session', md5('session' || i / 20), 'agent', pick(i / 20,'agent',array['Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0','Mozilla/5.0 (Windows NT 10.0) Chrome/151.0','Sealshop/4.2 (iOS 19)']),
    'ok', rnd(i,'ok') % 20 <> 0),
  case when i % 4 = 0 then decode(md5('trace' || i) || md5('trace2' || i), 'hex') end";

fn counts(megabytes: u64) -> (u64, u64, u64) {
    let events = (EVENTS_PER_MB * megabytes).max(40);
    (events / 20, events / 4, events)
}

/// Creates a database whose dump (`-Fc -Z0`) has about `megabytes` (10^6 bytes).
///
/// # Errors
/// The server's.
pub fn fill(postgres: &Postgres, database: &str, megabytes: u64) -> Result<()> {
    postgres.create(database)?;
    let (accounts, orders, events) = counts(megabytes);
    let with = |sql: &str| sql.replace("$accounts", &accounts.to_string());
    postgres.sql(
        database,
        &format!(
            "set synchronous_commit = off; {FUNCTIONS} {TABLES}
             insert into accounts {ACCOUNT} from generate_series(1::bigint, {accounts}) i;
             insert into orders {} from generate_series(1::bigint, {orders}) i;
             insert into events {} from generate_series(1::bigint, {events}) i;
             create index on orders (account); create index on events (account, at);",
            with(ORDER),
            with(EVENT)
        ),
    )?;
    // Vacuumed, like a database that is a day old: dumps follow the physical order.
    postgres.sql(database, "vacuum (freeze, analyze)").map(drop)
}

/// A day of work on a database created by [`fill`]: updates and new rows, together `percent` of all rows. The same
/// `day` makes the same changes.
///
/// # Errors
/// The server's.
pub fn change(postgres: &Postgres, database: &str, percent: f64, spread: Spread, day: u32) -> Result<()> {
    // Nine out of ten changes are updates.
    let share = percent / 100.0 * 0.9;
    let chosen = |table: &str| match spread {
        Spread::Recent => {
            format!("id > (select max(id) - ceil(count(*) * {share})::bigint from {table})")
        }
        Spread::Mostly => format!(
            "rnd(id, 'day{day}') % 1000000 < case when id > (select max(id) * 0.9 from {table}) then {} else {} end",
            (share * 8e6).round(),
            (share * 2e6 / 9.0).round()
        ),
        Spread::Uniform => format!("rnd(id, 'day{day}') % 1000000 < {}", (share * 1e6).round()),
    };
    let added = percent / 100.0 * 0.1;
    let more = |table: &str, select: &str| {
        format!(
            "insert into {table} {} from generate_series((select max(id) + 1 from {table}), (select max(id) + ceil(count(*) * {added})::bigint from {table})) i;",
            select.replace("$accounts", "(select count(*) from accounts)")
        )
    };
    postgres.sql(
        database,
        &format!(
            "set synchronous_commit = off; begin;
             update accounts set balance = balance + rnd(id, 'pay{day}') % 100 where {};
             update orders set state = 'done', updated = timestamptz '2026-01-01 00:00Z' + {day} * interval '1 day' + id * interval '1 second' where {};
             update events set payload = payload || jsonb_build_object('seen', rnd(id, 'seen{day}') % 100000) where {};
             {} {} {} commit;",
            chosen("accounts"),
            chosen("orders"),
            chosen("events"),
            more("accounts", ACCOUNT),
            more("orders", ORDER),
            more("events", EVENT),
        ),
    )?;
    postgres.sql(database, "vacuum").map(drop)
}
