//! The stores under test in the conformance suite.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use metadata_api::embedded::object_store::{ObjectStore, Options};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{
    http::{Body, Response, send},
    sigv4::{Request, Signer},
    until,
};

/// The store's kind, where stores differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    Garage,
}

enum Running {
    Embedded { _store: ObjectStore, runtime: tokio::runtime::Runtime },
    Garage(Child),
}

/// A running store with one bucket.
pub struct TestStore {
    pub kind: Kind,
    pub signer: Signer,
    pub bucket: String,
    pub dir: TempDir,
    running: Option<Running>,
}

pub const MAX: u64 = 4 * 1024 * 1024;

impl TestStore {
    pub fn embedded() -> Self {
        Self::embedded_in(tempfile::tempdir().expect("a directory"))
    }

    pub fn embedded_in(dir: TempDir) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let signer = Signer {
            access_key: "conformance".into(),
            secret_key: "a-secret-of-the-conformance-suite".into(),
            region: "embedded".into(),
            host: listener.local_addr().expect("an address").to_string(),
        };
        let bucket = "conformance".to_owned();
        let store = runtime
            .block_on(ObjectStore::start(Options {
                dir: &dir.path().join("objects"),
                listener,
                buckets: &[bucket.clone(), "other".to_owned()],
                access_key: &signer.access_key,
                secret_key: &signer.secret_key.clone().into(),
                max_object_size: MAX,
                bounds: metadata_api::listener::Bounds::default(),
            }))
            .expect("the embedded store starts");
        Self {
            kind: Kind::Embedded,
            signer,
            bucket,
            dir,
            running: Some(Running::Embedded { _store: store, runtime }),
        }
    }

    /// `None`, with a printed sentence, if Garage is not installed.
    pub fn garage() -> Option<Self> {
        let binary = std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|dir| dir.join("garage"))
            .find(|path| path.is_file());
        let Some(binary) = binary else {
            println!("skipped: no `garage` in PATH; the suite ran against the embedded store only");
            return None;
        };
        let dir = tempfile::tempdir().expect("a directory");
        let ports: Vec<u16> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port())
            .collect();
        let config = format!(
            "metadata_dir=\"{0}/meta\"\ndata_dir=\"{0}/data\"\ndb_engine=\"lmdb\"\nreplication_factor=1\n\
             rpc_bind_addr=\"127.0.0.1:{1}\"\nrpc_public_addr=\"127.0.0.1:{1}\"\nrpc_secret=\"{2}\"\n\
             compression_level=\"none\"\n[s3_api]\ns3_region=\"garage\"\napi_bind_addr=\"127.0.0.1:{3}\"\n\
             [admin]\napi_bind_addr=\"127.0.0.1:{4}\"\n",
            dir.path().display(),
            ports[0],
            "11".repeat(32),
            ports[1],
            ports[2],
        );
        let file = dir.path().join("garage.toml");
        std::fs::write(&file, config).expect("a file");
        let signer = Signer {
            access_key: format!("GK{}", "22".repeat(12)),
            secret_key: "33".repeat(32),
            region: "garage".into(),
            host: format!("127.0.0.1:{}", ports[1]),
        };
        let child = start_garage(&binary, &file, &signer);
        let store = Self {
            kind: Kind::Garage,
            signer,
            bucket: "conformance".into(),
            dir,
            running: Some(Running::Garage(child)),
        };
        until("garage starts", || {
            std::net::TcpStream::connect(&store.signer.host).is_ok() && store.put("ready", b"x").status == 200
        });
        Some(store)
    }

    /// The embedded store, and Garage if it is installed.
    pub fn all() -> Vec<Self> {
        std::iter::once(Self::embedded()).chain(Self::garage()).collect()
    }

    pub fn path(&self, key: &str) -> String {
        format!("/{}/{key}", self.bucket)
    }

    /// A presigned URL, valid for a minute from now.
    pub fn sign(&self, method: &str, key: &str, headers: &[(&str, &str)]) -> String {
        self.sign_query(method, &self.path(key), headers, &[])
    }

    pub fn sign_query(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        query: &[(&str, &str)],
    ) -> String {
        self.signer.presign(&Request {
            method,
            path,
            headers,
            query,
            expires: 60,
            at: OffsetDateTime::now_utc(),
        })
    }

    pub fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &Body<'_>,
    ) -> Option<Response> {
        send(&self.signer.host, method, target, headers, body)
    }

    /// A plain upload with a signed length.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Response {
        let length = bytes.len().to_string();
        let headers = [("content-length", length.as_str())];
        let target = self.sign("PUT", key, &headers);
        self.send("PUT", &target, &headers, &Body::Whole(bytes)).expect("a response")
    }

    pub fn get(&self, key: &str) -> Response {
        let target = self.sign("GET", key, &[]);
        self.send("GET", &target, &[], &Body::None).expect("a response")
    }

    pub fn head(&self, key: &str) -> Response {
        let headers = [("x-amz-checksum-mode", "ENABLED")];
        let target = self.sign("HEAD", key, &headers);
        self.send("HEAD", &target, &headers, &Body::None).expect("a response")
    }

    pub fn delete(&self, key: &str) -> Response {
        let target = self.sign("DELETE", key, &[]);
        self.send("DELETE", &target, &[], &Body::None).expect("a response")
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        match self.running.take() {
            Some(Running::Garage(mut child)) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Some(Running::Embedded { runtime, .. }) => runtime.shutdown_background(),
            None => {}
        }
    }
}

fn start_garage(binary: &Path, config: &Path, signer: &Signer) -> Child {
    Command::new(binary)
        .arg("-c")
        .arg(config)
        .args(["server", "--single-node", "--default-bucket"])
        .env("GARAGE_DEFAULT_ACCESS_KEY", &signer.access_key)
        .env("GARAGE_DEFAULT_SECRET_KEY", &signer.secret_key)
        .env("GARAGE_DEFAULT_BUCKET", "conformance")
        .env("RUST_LOG", "garage=warn")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("garage starts")
}
