//! A signed-up member with an approved device that talks to the service by the contract, without client-core.

use std::time::{SystemTime, UNIX_EPOCH};

use api_types::{
    Base64, DeviceId, HeadHash, ObjectId, ObjectKind, Region, RunId, Sha256, SourceId, VaultId,
    account::{
        Session, SignUpConfirm, SignUpConfirmed, SignUpFinish, SignUpFinished, SignUpStart, SignUpStarted,
    },
    backup::{NewObject, RunStart, UploadGrant, UploadGrants, UploadState, WantUpload},
    device::DeviceKeys,
    directory::{DeviceRole, DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    envelope::{SignedEnvelope, SnapshotEnvelope},
    opaque::{Binding, Suite},
    signature::CanonicalRequest,
    vault::{Objects, VaultInit},
};
use ed25519_dalek::SigningKey;
use opaque_ke::{
    ClientRegistration, ClientRegistrationFinishParameters, RegistrationResponse, rand::rngs::OsRng,
};
use roaring::RoaringBitmap;
use serde::{Serialize, de::DeserializeOwned};
use sha2::Digest;
use totp_rs::Totp;
use uuid::Uuid;

use super::{
    http::{Body, Response, send},
    service::SERVICE,
};

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn ok<T: DeserializeOwned>(&self) -> T {
        assert!(self.status < 300, "{} {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).expect("the promised body")
    }

    /// Status and stable code of an error.
    pub fn refusal(&self) -> (u16, String) {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).expect("problem+json");
        (self.status, problem["code"].as_str().expect("a code").to_owned())
    }

    pub fn named_objects(&self) -> Vec<ObjectId> {
        serde_json::from_slice::<api_types::Problem>(&self.body).expect("problem+json").objects
    }
}

/// One account, one vault, one device.
pub struct Member {
    pub host: String,
    pub vault: VaultId,
    pub device: DeviceId,
    pub key: SigningKey,
    pub session: Session,
    pub source: SourceId,
    /// Seconds by which the device's clock is ahead; a test that shifts the service's clock shifts this too.
    pub ahead: i64,
    /// The device's chain so far.
    pub head: Option<(u64, HeadHash)>,
}

fn uuid() -> Uuid {
    Uuid::from_bytes(rand::random())
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64
}

/// A new member of the shared service.
pub fn member() -> Member {
    Member::sign_up(&SERVICE.host, Region::Eu)
}

pub fn random(len: usize) -> Vec<u8> {
    (0..len).map(|_| rand::random()).collect()
}

/// The stored objects of a member's vault.
pub fn objects(member: &Member) -> Objects {
    member.get("objects").ok()
}

impl Member {
    /// Signs up, confirms the second factor, stores keys and directory.
    pub fn sign_up(host: &str, region: Region) -> Self {
        let key = SigningKey::from_bytes(&rand::random());
        let device = DeviceId(uuid());
        let keys = DeviceKeys {
            device_id: device,
            name: "test".into(),
            signing_key: key.verifying_key().as_bytes().to_vec().into(),
            sealing_key: x25519().to_vec().into(),
        };
        let post = |path: &str, body: &[u8]| signed(host, &key, device, 0, None, ("POST", path), body);
        let password = b"a password of a test";
        let registration = ClientRegistration::<Suite>::start(&mut OsRng, password).expect("OPAQUE");
        let start = SignUpStart {
            email: format!("{}@example.com", uuid().simple()),
            region,
            registration_request: registration.message.serialize().to_vec().into(),
            device: keys.clone(),
            puzzle: None,
        };
        let started: SignUpStarted = post("/v1/sign-up/start", &json(&start)).ok();
        let binding = Binding::new(started.account_id, region);
        let response = RegistrationResponse::deserialize(&started.registration_response.0).expect("OPAQUE");
        let upload = registration
            .state
            .finish(
                &mut OsRng,
                password,
                response,
                // Cheap stretching: nobody signs in with this password.
                ClientRegistrationFinishParameters::new(binding.identifiers(), None),
            )
            .expect("OPAQUE");
        let finish = SignUpFinish {
            sign_up_id: started.sign_up_id,
            registration_upload: upload.message.serialize().to_vec().into(),
        };
        let finished: SignUpFinished = post("/v1/sign-up/finish", &json(&finish)).ok();
        let totp = Totp::from_url(&finished.otpauth_url).expect("otpauth");
        let code = totp.generate_current().to_string();
        let confirm = SignUpConfirm { sign_up_id: started.sign_up_id, code };
        let confirmed: SignUpConfirmed = post("/v1/sign-up/confirm", &json(&confirm)).ok();
        let session = confirmed.session;
        let vault = session.vaults[0].vault_id;
        let source = SourceId(uuid());
        let member =
            Self { host: host.to_owned(), vault, device, key, session, source, ahead: 0, head: None };
        member.init(&keys);
        member
    }

    fn init(&self, keys: &DeviceKeys) {
        let root = SigningKey::from_bytes(&rand::random());
        let entry = DirectoryEntry {
            vault: self.vault,
            number: 0,
            previous: Sha256::new([0; 32]),
            op: DirectoryOp::Add,
            device: self.device,
            signing_key: keys.signing_key.to_array().expect("32 bytes"),
            sealing_key: keys.sealing_key.to_array().expect("32 bytes"),
            role: DeviceRole::Full,
            created: now(),
        };
        let init = VaultInit {
            signing_root: root.verifying_key().as_bytes().to_vec().into(),
            password: vec![1; 100].into(),
            recovery: vec![2; 100].into(),
            keyring: vec![3; 100].into(),
            directory: SignedDirectoryEntry::sign(&entry, &root).expect("CBOR"),
        };
        let reply = self.post("init", &init);
        assert!(reply.status < 300, "{reply:?}");
    }

    pub fn post(&self, path: &str, body: &impl Serialize) -> Reply {
        self.call("POST", self.vault, path, &json(body))
    }

    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", self.vault, path, b"")
    }

    /// A request to any vault's path, signed by this member's device.
    pub fn call(&self, method: &str, vault: VaultId, path: &str, body: &[u8]) -> Reply {
        let authorization = format!("Bearer {}", self.session.access_token);
        let target = format!("/v1/vaults/{vault}/{path}");
        signed(&self.host, &self.key, self.device, self.ahead, Some(&authorization), (method, &target), body)
    }

    /// Starts a backup.
    pub fn begin(&self) -> RunId {
        let run_id = RunId(uuid());
        let reply = self.post("runs", &RunStart { run_id, source_id: self.source });
        assert_eq!(reply.status, 200, "{reply:?}");
        run_id
    }

    pub fn want(&self, run: RunId, objects: &[(ObjectKind, &[u8])]) -> Vec<UploadGrant> {
        let objects = objects.iter().map(|(kind, bytes)| announce(*kind, bytes)).collect();
        let grants: UploadGrants = self.post(&format!("runs/{run}/objects"), &WantUpload { objects }).ok();
        grants.grants
    }

    /// Requests grants, uploads and confirms; returns the numbers.
    pub fn store(&self, run: RunId, kind: ObjectKind, objects: &[&[u8]]) -> Vec<u32> {
        let wanted: Vec<_> = objects.iter().map(|bytes| (kind, *bytes)).collect();
        let grants = self.want(run, &wanted);
        for (grant, bytes) in grants.iter().zip(objects) {
            assert_eq!(upload(grant, bytes).status, 200);
        }
        let ids: Vec<_> = grants.iter().map(|g| g.id).collect();
        let confirmed: api_types::backup::Confirmed =
            self.post(&format!("runs/{run}/confirm"), &api_types::backup::Confirm { objects: ids }).ok();
        assert!(confirmed.absent.is_empty(), "{confirmed:?}");
        grants.iter().map(|g| g.number).collect()
    }

    /// The envelope for a commit of these packs; tests can change it before signing.
    pub fn envelope(&self, snapshot: &[u8], packs: &[&[u8]]) -> SnapshotEnvelope {
        let mut ids: Vec<_> = packs.iter().map(|bytes| id_of(bytes)).collect();
        ids.sort_unstable();
        let mut hash = sha2::Sha256::new();
        for id in &ids {
            hash.update(id.as_bytes());
        }
        SnapshotEnvelope {
            vault: self.vault,
            source: self.source,
            device: self.device,
            sequence: self.head.map_or(0, |(n, _)| n + 1),
            previous: self.head.map_or(HeadHash::new([0; 32]), |(_, hash)| hash),
            body_hash: Sha256::new([4; 32]),
            body_len: snapshot.len() as u64,
            pack_set_hash: Sha256::new(hash.finalize().into()),
            epoch: 1,
            created: now(),
            directory_len: 1,
            directory_hash: Sha256::new([5; 32]),
            heads_hash: Sha256::new([6; 32]),
        }
    }

    pub fn sign(&self, envelope: &SnapshotEnvelope) -> SignedEnvelope {
        SignedEnvelope::sign(envelope, &self.key).expect("CBOR")
    }
}

/// A commit's body.
pub fn commit(snapshot: &[u8], head: SignedEnvelope, numbers: &[u32]) -> api_types::backup::Commit {
    api_types::backup::Commit { snapshot_id: id_of(snapshot), head, packs: bitmap(numbers), bytes_read: 1000 }
}

pub fn bitmap(numbers: &[u32]) -> Base64 {
    let mut out = Vec::new();
    numbers.iter().copied().collect::<RoaringBitmap>().serialize_into(&mut out).expect("memory");
    out.into()
}

pub fn id_of(bytes: &[u8]) -> ObjectId {
    ObjectId::new(sha2::Sha256::digest(bytes).into())
}

pub fn announce(kind: ObjectKind, bytes: &[u8]) -> NewObject {
    NewObject { kind, size: bytes.len() as u64, id: id_of(bytes) }
}

/// Uploads exactly as the grant says.
pub fn upload(grant: &UploadGrant, bytes: &[u8]) -> Response {
    let UploadState::Put { url, headers, .. } = &grant.state else { panic!("nothing to send") };
    let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let (host, target) = split(url);
    send(&host, "PUT", &target, &headers, &Body::Whole(bytes)).expect("a response")
}

/// Host, and path with query.
pub fn split(url: &str) -> (String, String) {
    let url: url::Url = url.parse().expect("a URL");
    let host = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    (host, format!("{}?{}", url.path(), url.query().unwrap_or_default()))
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("JSON")
}

fn x25519() -> [u8; 32] {
    // The u-coordinate of any Ed25519 point will do: nothing is sealed to it here.
    SigningKey::from_bytes(&rand::random()).verifying_key().to_montgomery().to_bytes()
}

fn signed(
    host: &str,
    key: &SigningKey,
    device: DeviceId,
    ahead: i64,
    authorization: Option<&str>,
    (method, target): (&str, &str),
    body: &[u8],
) -> Reply {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = CanonicalRequest { method, authority: host, path, query, body, authorization };
    let signature = request.sign(key, device, now() + ahead, rand::random());
    let mut headers = vec![
        ("content-type", "application/json"),
        ("content-digest", signature.content_digest.as_str()),
        ("signature-input", signature.signature_input.as_str()),
        ("signature", signature.signature.as_str()),
    ];
    headers.extend(authorization.map(|a| ("authorization", a)));
    let response = send(host, method, target, &headers, &Body::Whole(body)).expect("a response");
    Reply { status: response.status, body: response.body }
}
