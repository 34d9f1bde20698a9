//! The service on a real PostgreSQL in this process, with its own database, clock and port per test.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use api_types::{Region, opaque::Suite};
use axum::extract::FromRef;
use metadata_api::{
    app,
    bucket::{Client, Store},
    clock::Clock,
    config::{Limits, Secrets},
    db,
    embedded::postgres::{Passwords, Postgres},
    guarantees::Guarantees,
    jobs::{Context, Job},
    presign::Target,
    state::{AppState, Settings},
};
use opaque_ke::{ServerSetup, rand::rngs::OsRng};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::net::TcpListener;

/// One cluster for all tests of the process; it ends with the process.
struct Cluster {
    postgres: Mutex<Postgres>,
    admin: SecretString,
    owner: SecretString,
    api: SecretString,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Cluster {
    fn get() -> &'static Self {
        CLUSTER.get_or_init(|| {
            // Its own runtime: the caller's may end before the cluster does.
            std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(Self::start())
            })
            .join()
            .unwrap()
        })
    }

    async fn start() -> Self {
        // Clusters of earlier runs end by themselves, a checkpoint later; ended ones are removed here. Not in the build
        // directory: PostgreSQL's user may not have access to it if tests run as root.
        let base = std::env::temp_dir().join("sealkeep-api-tests");
        std::fs::create_dir_all(&base).unwrap();
        for earlier in std::fs::read_dir(&base).unwrap().flatten() {
            if !earlier.path().join("data/postmaster.pid").exists() {
                let _ = std::fs::remove_dir_all(earlier.path());
            }
        }
        let dir = base.join(std::process::id().to_string());
        let password = || SecretString::from(hex::encode(rand::random::<[u8; 16]>()));
        let (admin, owner, api) = (password(), password(), password());
        let passwords = Passwords { admin: &admin, owner: &owner, api: &api };
        let postgres = Postgres::start(&dir, &passwords).await.unwrap();
        let cluster = Self { postgres: Mutex::new(postgres), admin, owner, api };
        db::migrate(&cluster.url("sealkeep_owner", "sealkeep")).await.unwrap();
        cluster
    }

    fn url(&self, role: &str, database: &str) -> SecretString {
        let password = match role {
            "sealkeep_admin" => &self.admin,
            "sealkeep_owner" => &self.owner,
            _ => &self.api,
        };
        let url = self.postgres.lock().unwrap().url(role, password);
        url.expose_secret().replacen("/sealkeep?", &format!("/{database}?"), 1).into()
    }
}

/// A migrated, empty database for one test.
#[derive(Clone)]
pub struct Database {
    name: String,
}

impl Database {
    pub async fn new() -> Self {
        let name = format!("t_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let cluster = tokio::task::spawn_blocking(Cluster::get).await.unwrap();
        let url = cluster.url("sealkeep_admin", "postgres");
        let mut admin = PgConnection::connect(url.expose_secret()).await.unwrap();
        // The template must have no other user, so databases are created one at a time.
        sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut admin).await.unwrap();
        let statement = format!("CREATE DATABASE {name} TEMPLATE sealkeep OWNER sealkeep_owner");
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        Self { name }
    }

    pub fn url(&self, role: &str) -> SecretString {
        Cluster::get().url(role, &self.name)
    }

    pub async fn pool(&self, role: &str) -> PgPool {
        let url = self.url(role);
        sqlx::postgres::PgPoolOptions::new().max_connections(2).connect(url.expose_secret()).await.unwrap()
    }
}

/// Everything the services of this process log, at the most verbose level.
static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Written;

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WRITTEN.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log so far.
pub fn log() -> String {
    String::from_utf8(WRITTEN.lock().unwrap().clone()).unwrap()
}

pub fn secrets() -> Secrets {
    let key = || SecretBox::new(Box::new(rand::random::<[u8; 32]>()));
    Secrets {
        opaque_setup: SecretBox::new(Box::new(ServerSetup::<Suite>::new(&mut OsRng).serialize().to_vec())),
        master_key: key(),
        token_key: key(),
        refresh_pepper: key(),
    }
}

/// Generous limits that only the tests about limits reach.
pub fn wide_limits() -> Limits {
    Limits {
        requests_per_second: 100_000,
        burst: 100_000,
        auth_per_minute: 100_000,
        sign_ins_per_hour: 10_000,
        sign_ins_per_device: 10_000,
        failures_before_puzzle: 10_000,
        open_sign_ups_before_puzzle: 10_000,
        puzzle_bits: 8,
        sign_ups_per_network: 10_000,
        accounts_per_network: 10_000,
        ..Limits::default()
    }
}

/// No test here reaches a store.
fn unreachable_store(region: Region) -> Store {
    let target = Target {
        endpoint: "http://127.0.0.1:9".parse().unwrap(),
        bucket: format!("sealkeep-{region}"),
        s3_region: "test".into(),
        access_key: "test".into(),
        secret_key: "a secret of the tests".to_owned().into(),
    };
    let guarantees =
        Guarantees { write_once: true, checksum_enforced: true, checksum_returned: true, deletes: true };
    Store::verified(Client::new(&target).unwrap(), guarantees)
}

/// A running service.
pub struct Fixture {
    pub state: AppState,
    pub clock: Clock,
    pub origin: String,
    pub authority: String,
    pub database: Database,
    /// Superuser: sees everything, for assertions.
    pub admin: PgPool,
    pub http: reqwest::Client,
    pub token_seed: [u8; 32],
}

impl Fixture {
    pub async fn new() -> Self {
        Self::with(wide_limits()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let database = Database::new().await;
        Self::on(database, limits, &secrets(), None).await
    }

    /// Another replica on a database; `authority` if it shares another's name.
    pub async fn on(database: Database, limits: Limits, secrets: &Secrets, authority: Option<&str>) -> Self {
        // The first subscriber stays.
        let _ = tracing_subscriber::fmt()
            .json()
            .with_env_filter("trace,s3s=off")
            .with_writer(|| Written)
            .try_init();
        let db = db::connect(&database.url("sealkeep_api"), 8).await.unwrap();
        db::check(&db).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let authority = authority.map_or_else(|| listener.local_addr().unwrap().to_string(), str::to_owned);
        // The us region is not served here.
        let stores = [Region::Ca, Region::Eu].into_iter().map(|region| (region, unreachable_store(region)));
        let stores = stores.collect();
        let clock = Clock::default();
        let settings =
            Settings { db, stores, public_authority: authority.clone(), limits, clock: clock.clone() };
        let state = AppState::new(settings, secrets).unwrap();
        let service = app(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let admin = database.pool("sealkeep_admin").await;
        Self {
            state,
            clock,
            origin,
            authority,
            database,
            admin,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            token_seed: *secrets.token_key.expose_secret(),
        }
    }

    /// A hash of all rows of all tables except the named ones: equal if nothing changed.
    pub async fn fingerprint(&self, except: &[&str]) -> String {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind = 'r' ORDER BY 1",
        )
        .fetch_all(&self.admin)
        .await
        .unwrap();
        let mut all = String::new();
        for table in
            tables.iter().filter(|t| !["nonce", "rate_counter", "failed_sign_in"].contains(&t.as_str()))
        {
            if !except.contains(&table.as_str()) {
                let query = format!(
                    "SELECT COALESCE(md5(string_agg(t::text, '|' ORDER BY t::text)), '-') FROM app.{table} t"
                );
                let hash: String =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&self.admin).await.unwrap();
                all.push_str(&format!("{table}={hash};"));
            }
        }
        all
    }

    /// What jobs work with.
    pub fn job_context(&self) -> Context {
        Context::from_ref(&self.state)
    }

    /// Runs one round of each job.
    pub async fn work(&self, jobs: &mut [Box<dyn Job>]) {
        for job in jobs {
            job.round(&self.job_context()).await.unwrap();
        }
    }

    /// The number of rows in a table.
    pub async fn rows(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM app.{table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&self.admin).await.unwrap()
    }

    /// The actions in the only vault's audit trail, in order.
    pub async fn audited(&self) -> Vec<String> {
        let events: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT event FROM app.audit_event ORDER BY vault_id, position")
                .fetch_all(&self.admin)
                .await
                .unwrap();
        events.iter().map(|event| api_types::canonical::decode::<db::audit::Wire>(event).unwrap().4).collect()
    }
}
