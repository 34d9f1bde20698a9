//! Checks at startup: the store's behavior, the database's schema and role, TLS. Also the service with an external
//! database and store (`serve`), and a second start on a used directory.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use base64ct::{Base64, Encoding};
use metadata_api::{
    bucket::Client,
    config::Listen,
    embedded::{Embedded, Options},
    presign::Target,
    probe::{self, Unsuitable},
};
use rustix::process::{Pid, Signal};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::support::service::{Service, signal};

/// A store with configurable defects.
#[derive(Clone, Copy)]
struct Behavior {
    checks_checksum: bool,
    stores_refused: bool,
    refuses_second: bool,
    returns_checksum: bool,
}

type Objects = Arc<Mutex<HashMap<String, Bytes>>>;

async fn respond(
    State((behavior, objects)): State<(Behavior, Objects)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = uri.path().to_owned();
    let mut objects = objects.lock().unwrap();
    match method {
        Method::PUT => {
            if behavior.refuses_second && objects.contains_key(&key) {
                return StatusCode::PRECONDITION_FAILED.into_response();
            }
            let announced = headers["x-amz-checksum-sha256"].to_str().unwrap();
            let right = announced == Base64::encode_string(&Sha256::digest(&body));
            if right || !behavior.checks_checksum || behavior.stores_refused {
                objects.insert(key, body);
            }
            if right || !behavior.checks_checksum { StatusCode::OK } else { StatusCode::BAD_REQUEST }
                .into_response()
        }
        Method::DELETE => {
            objects.remove(&key);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => match objects.get(&key) {
            None => StatusCode::NOT_FOUND.into_response(),
            Some(bytes) if behavior.returns_checksum => {
                let sum = Base64::encode_string(&Sha256::digest(bytes));
                ([("x-amz-checksum-sha256", sum)], bytes.clone()).into_response()
            }
            Some(bytes) => bytes.clone().into_response(),
        },
    }
}

async fn probed(behavior: Behavior) -> Result<metadata_api::guarantees::Guarantees, Unsuitable> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = Router::new().fallback(respond).with_state((behavior, Objects::default()));
    tokio::spawn(async move { axum::serve(listener, app).await });
    probe::probe(&store(addr)).await
}

fn store(addr: SocketAddr) -> Client {
    Client::new(&Target {
        endpoint: format!("http://{addr}").parse().unwrap(),
        bucket: "some-bucket".into(),
        s3_region: "region".into(),
        access_key: "access".into(),
        secret_key: "secret".to_owned().into(),
    })
    .unwrap()
}

const GOOD: Behavior =
    Behavior { checks_checksum: true, stores_refused: false, refuses_second: true, returns_checksum: true };

#[tokio::test]
async fn the_probe_finds_what_a_store_enforces() {
    let found = probed(GOOD).await.unwrap();
    assert!(found.write_once && found.checksum_enforced && found.checksum_returned && found.deletes);
    // Like Garage: allows overwriting, verifies checksums.
    let found = probed(Behavior { refuses_second: false, ..GOOD }).await.unwrap();
    assert!(!found.write_once && found.checksum_enforced);
    // Like Ceph 16: ignores checksums, refuses overwriting.
    let found = probed(Behavior { checks_checksum: false, returns_checksum: false, ..GOOD }).await.unwrap();
    assert!(found.write_once && !found.checksum_enforced && !found.checksum_returned);
    // Like s3s-fs: refuses, but stores.
    let found = probed(Behavior { stores_refused: true, ..GOOD }).await.unwrap();
    assert!(!found.checksum_enforced);
}

#[tokio::test]
async fn a_store_without_any_guarantee_is_refused() {
    let bad = Behavior { checks_checksum: false, refuses_second: false, ..GOOD };
    assert!(matches!(probed(bad).await, Err(Unsuitable::NoGuarantee(_))));
    let bad = Behavior { stores_refused: true, refuses_second: false, ..GOOD };
    assert!(matches!(probed(bad).await, Err(Unsuitable::NoGuarantee(_))));
    let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let said = probe::probe(&store(nobody)).await.unwrap_err().to_string();
    assert!(said.contains("cannot be reached") && !said.contains("X-Amz"), "{said}");
}

/// `serve` with complete settings, and its messages while something is missing.
#[test]
fn a_service_on_a_database_of_its_own() {
    let dir = Service::new_dir();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let parts = runtime.block_on(Embedded::start(&options(dir.path()))).unwrap();
    let mut settings: HashMap<String, String> = std::fs::read_to_string(dir.path().join("secrets"))
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    let mut set = |name: &str, value: &str| settings.insert(name.to_owned(), value.to_owned());
    set("SEALKEEP_DATABASE_URL", parts.config.database_url.expose_secret());
    set("SEALKEEP_OWNER_DATABASE_URL", parts.owner_url.expose_secret());
    set("SEALKEEP_PUBLIC_AUTHORITY", "127.0.0.1:8787");
    let target = &parts.config.regions[&api_types::Region::Ca];
    set("SEALKEEP_REGION_CA_ENDPOINT", target.endpoint.as_str());
    set("SEALKEEP_REGION_CA_BUCKET", &target.bucket);
    set("SEALKEEP_REGION_CA_ACCESS_KEY", &target.access_key);
    set("SEALKEEP_REGION_CA_SECRET_KEY", target.secret_key.expose_secret());
    set("SEALKEEP_REGION_CA_S3_REGION", &target.s3_region);

    let run = |settings: &HashMap<String, String>, args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_metadata-api"))
            .args(args)
            .env_clear()
            .envs(settings)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
        (out.status.code(), said)
    };
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let (code, said) = run(&settings, &serve);
    assert_eq!(code, Some(1));
    assert!(said.contains("metadata-api migrate"), "pending migrations: {said}");

    assert_eq!(run(&settings, &["migrate"]).0, Some(0));
    assert_eq!(run(&settings, &["migrate"]).0, Some(0), "again");

    let with = |name: &str, value: &str| {
        let mut changed = settings.clone();
        changed.insert(name.into(), value.into());
        changed
    };
    let owner = with("SEALKEEP_DATABASE_URL", parts.owner_url.expose_secret());
    let (code, said) = run(&owner, &serve);
    assert_eq!(code, Some(1));
    assert!(said.contains("row-level security would not bind it"), "as the owner: {said}");
    let (code, said) = run(&with("SEALKEEP_REGION_CA_ENDPOINT", "http://127.0.0.1:1"), &serve);
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot be reached"), "no store: {said}");
    let (code, said) =
        run(&with("SEALKEEP_REGION_CA_SECRET_KEY", "0123456789abcdef0123456789abcdef"), &serve);
    assert_eq!(code, Some(1));
    assert!(said.contains("check bucket, credentials and region"), "wrong key: {said}");
    let (code, said) = run(&with("SEALKEEP_REGION_CA_BUCKET", "no-such-bucket"), &serve);
    assert_eq!(code, Some(1));
    assert!(said.contains("check bucket"), "no bucket: {said}");

    let (code, said) = run(&settings, &["check-config"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("overwrite refused: yes"), "{said}");

    let mut child = Running(
        Command::new(env!("CARGO_BIN_EXE_metadata-api"))
            .args(serve)
            .env_clear()
            .envs(&settings)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"ready\":true,\"service\":\"http://127.0.0.1:"), "{line}");
    drop(child);
    runtime.block_on(parts.stop(std::time::Duration::from_secs(5)));
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        signal(&self.0, Signal::TERM);
        let _ = self.0.wait();
    }
}

fn options(dir: &Path) -> Options {
    Options {
        dir: dir.to_owned(),
        s3_listen: "127.0.0.1:0".parse().unwrap(),
        s3_endpoint: None,
        listen: Listen { addr: "127.0.0.1:8787".parse().unwrap(), tls: None, behind_proxy: false },
        public_authority: None,
        bounds: metadata_api::listener::Bounds::default(),
    }
}

#[test]
fn a_directory_serves_one_at_a_time_and_keeps_its_secrets_to_itself() {
    use std::os::unix::fs::PermissionsExt;
    let service = Service::start();
    let secrets = service.data().join("secrets");
    assert_eq!(std::fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o600);
    let start = |dir: &Path| {
        let out = Command::new(env!("CARGO_BIN_EXE_metadata-api"))
            .arg("--embedded")
            .arg(dir)
            .args(["--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0"])
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (code, said) = start(&service.data());
    assert_eq!(code, Some(1));
    assert!(said.contains("in use by another metadata-api"), "{said}");
    let dir = service.kill();
    let data = dir.path().join("service");
    std::fs::set_permissions(secrets_in(&data), std::fs::Permissions::from_mode(0o640)).unwrap();
    let (code, said) = start(&data);
    assert_eq!(code, Some(1));
    assert!(said.contains("chmod 600"), "{said}");
    std::fs::remove_file(secrets_in(&data)).unwrap();
    let (code, said) = start(&data);
    assert_eq!(code, Some(1));
    assert!(said.contains("restore the file from a copy"), "{said}");
    let (code, said) = start(Path::new("/proc/nowhere"));
    assert_eq!(code, Some(1));
    assert!(said.contains("/proc/nowhere"), "{said}");
}

fn secrets_in(data: &Path) -> std::path::PathBuf {
    data.join("secrets")
}

#[test]
fn without_its_database_the_service_ends_and_starts_again() {
    let service = Service::start();
    let pid = std::fs::read_to_string(service.data().join("postgres/data/postmaster.pid")).unwrap();
    let pid = Pid::from_raw(pid.lines().next().unwrap().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    let (code, dir) = service.wait();
    assert_eq!(code, Some(1));
    let said = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(said.contains("PostgreSQL exited unexpectedly"), "{said}");
    assert!(Service::start_in(dir).terminate());
}

#[test]
fn tls_is_1_3_and_nothing_older() {
    let dir = Service::new_dir();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .output();
    if !made.is_ok_and(|out| out.status.success()) {
        println!("skipped: no openssl here to make a certificate with");
        return;
    }
    let mut service = Running(
        Command::new(env!("CARGO_BIN_EXE_metadata-api"))
            .args(["--embedded", &path("service"), "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0"])
            .args(["--tls-cert", &path("cert.pem"), "--tls-key", &path("key.pem")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(service.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let host = ready["service"].as_str().unwrap().strip_prefix("https://").unwrap().to_owned();
    let handshake = |version: &str| {
        let out = Command::new("openssl")
            .args(["s_client", "-connect", &host, version])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&out.stdout).contains("Cipher is TLS_")
    };
    assert!(handshake("-tls1_3"));
    assert!(!handshake("-tls1_2"));
}

/// Others must be able neither to replace nor to list the folder's content.
#[test]
fn a_folder_writable_by_others_is_refused_and_its_objects_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let service = Service::start();
    let data = service.data();
    assert_eq!(mode(&data.join("objects")), 0o700);
    assert_eq!(mode(&data.join("lock")), 0o600);
    let dir = service.kill();
    let data = dir.path().join("service");
    let set =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    for open in [0o777, 0o775, 0o757, 0o1777] {
        set(&data, open);
        let out = Command::new(env!("CARGO_BIN_EXE_metadata-api"))
            .arg("--embedded")
            .arg(&data)
            .args(["--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{open:o}: {said}");
        assert!(said.contains("can be written by other users") && said.contains("chmod go-w"), "{said}");
    }
    // With strict permissions it starts, and restricts those inside.
    set(&data, 0o711);
    set(&data.join("objects"), 0o755);
    set(&data.join("lock"), 0o644);
    let service = Service::start_in(dir);
    assert_eq!((mode(&data.join("objects")), mode(&data.join("lock"))), (0o700, 0o600));
    drop(service);
}
