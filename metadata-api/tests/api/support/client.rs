//! The tests' client: signs valid and invalid requests, runs OPAQUE, computes codes, signs directory entries.

use api_types::{
    AccountId, Base64, DeviceId, ErrorCode, Problem, Region, Sha256, VaultId,
    account::{
        Refresh, SecondFactor, Session, SignInFinish, SignInSecondFactor, SignInStart, SignInStarted,
        SignUpConfirm, SignUpConfirmed, SignUpFinish, SignUpFinished, SignUpStart, SignUpStarted,
    },
    device::DeviceKeys,
    directory::{DeviceRole, DirectoryEntry, DirectoryOp, SignedDirectoryEntry},
    opaque::{Binding, Suite},
    signature::CanonicalRequest,
    vault::VaultInit,
};
use ed25519_dalek::SigningKey;
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, RegistrationResponse, rand::rngs::OsRng,
};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use totp_rs::Totp;
use uuid::Uuid;

use super::fixture::Fixture;

/// An installed app.
#[derive(Clone)]
pub struct Device {
    pub id: DeviceId,
    pub key: SigningKey,
    pub sealing: [u8; 32],
}

impl Device {
    pub fn new() -> Self {
        let sealing =
            x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(rand::random::<[u8; 32]>()));
        Self {
            id: DeviceId(Uuid::from_bytes(rand::random())),
            key: SigningKey::from_bytes(&rand::random()),
            sealing: sealing.to_bytes(),
        }
    }

    pub fn keys(&self) -> DeviceKeys {
        DeviceKeys {
            device_id: self.id,
            name: "a device".into(),
            signing_key: self.key.verifying_key().to_bytes().to_vec().into(),
            sealing_key: self.sealing.to_vec().into(),
        }
    }
}

/// A request before it is sent. Changing it after signing invalidates the signature.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    pub body: Vec<u8>,
    pub bearer: Option<String>,
    pub authority: String,
    pub created: i64,
    pub nonce: [u8; 16],
    pub device: Device,
}

impl Call {
    pub fn new(fixture: &Fixture, device: &Device, method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.into(),
            query: String::new(),
            body: Vec::new(),
            bearer: None,
            authority: fixture.authority.clone(),
            created: fixture.clock.now(),
            nonce: rand::random(),
            device: device.clone(),
        }
    }

    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).unwrap();
        self
    }

    pub fn bearer(mut self, session: &Session) -> Self {
        self.bearer = Some(format!("Bearer {}", session.access_token));
        self
    }

    pub fn sign(&self) -> HeaderMap {
        let request = CanonicalRequest {
            method: self.method,
            authority: &self.authority,
            path: &self.path,
            query: &self.query,
            body: &self.body,
            authorization: self.bearer.as_deref(),
        };
        let signed = request.sign(&self.device.key, self.device.id, self.created, self.nonce);
        let mut headers = HeaderMap::new();
        let mut insert = |name: &'static str, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        insert("content-digest", &signed.content_digest);
        insert("signature-input", &signed.signature_input);
        insert("signature", &signed.signature);
        if let Some(bearer) = &self.bearer {
            insert("authorization", bearer);
        }
        headers
    }
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub fn ok<T: DeserializeOwned>(&self) -> T {
        assert!(self.status < 300, "{} {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub fn done(&self) {
        assert_eq!(self.status, 204, "{}", String::from_utf8_lossy(&self.body));
    }

    /// Asserts the refusal in full: status, media type, stable code.
    #[track_caller]
    pub fn refused(&self, code: ErrorCode) -> Problem {
        let text = String::from_utf8_lossy(&self.body);
        let problem: Problem =
            serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {text}", self.status));
        assert_eq!((problem.code, self.status), (code, code.status()), "{text}");
        assert_eq!(problem.status, self.status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers["x-request-id"], problem.request_id.as_str());
        problem
    }
}

impl Fixture {
    pub async fn send(&self, call: &Call, headers: HeaderMap) -> Reply {
        let mut url = format!("{}{}", self.origin, call.path);
        if !call.query.is_empty() {
            url = format!("{url}?{}", call.query);
        }
        let method: Method = call.method.parse().unwrap();
        let response =
            self.http.request(method, url).headers(headers).body(call.body.clone()).send().await.unwrap();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    pub async fn call(&self, call: Call) -> Reply {
        self.send(&call, call.sign()).await
    }

    /// A request before sign-in.
    pub async fn post(&self, device: &Device, path: &str, body: &impl Serialize) -> Reply {
        self.call(Call::new(self, device, "POST", path).json(body)).await
    }

    pub fn code(&self, otpauth_url: &str, offset: i64) -> String {
        let totp = Totp::from_url(otpauth_url).unwrap();
        totp.generate((self.clock.now() + offset).unsigned_abs()).to_string()
    }

    /// Moves to the middle of a time step, so that the test's own seconds do not leave it.
    pub fn settle(&self) {
        self.clock.shift((45 - self.clock.now().rem_euclid(30)) % 30);
    }

    pub fn sign_up_request(&self, device: &Device, email: &str) -> SignUpStart {
        SignUpStart {
            email: email.into(),
            region: Region::Eu,
            registration_request: Registration::start("password").request,
            device: device.keys(),
            puzzle: None,
        }
    }

    pub async fn sign_up_start(&self, device: &Device, email: &str, password: &str) -> HalfSignUp {
        let registration = Registration::start(password);
        let start = SignUpStart {
            email: email.into(),
            region: Region::Eu,
            registration_request: registration.request.clone(),
            device: device.keys(),
            puzzle: None,
        };
        let started: SignUpStarted = self.post(device, "/v1/sign-up/start", &start).await.ok();
        let registration_upload = registration.finish(started.account_id, &started.registration_response);
        HalfSignUp { finish: SignUpFinish { sign_up_id: started.sign_up_id, registration_upload }, started }
    }

    /// Everything up to the second factor.
    pub async fn sign_up_finish(
        &self,
        device: &Device,
        email: &str,
        password: &str,
    ) -> (SignUpStarted, String) {
        let half = self.sign_up_start(device, email, password).await;
        let finished: SignUpFinished = self.post(device, "/v1/sign-up/finish", &half.finish).await.ok();
        (half.started, finished.otpauth_url)
    }

    /// An account whose vault has no keys yet.
    pub async fn sign_up(&self) -> Person {
        self.settle();
        let email = format!("{}@example.com", Uuid::from_bytes(rand::random()).simple());
        let password = "correct horse battery staple".to_owned();
        let device = Device::new();
        let (started, otpauth_url) = self.sign_up_finish(&device, &email, &password).await;
        let confirm = SignUpConfirm { sign_up_id: started.sign_up_id, code: self.code(&otpauth_url, 0) };
        let confirmed: SignUpConfirmed = self.post(&device, "/v1/sign-up/confirm", &confirm).await.ok();
        let vault = confirmed.session.vaults[0].vault_id;
        Person {
            account: started.account_id,
            email,
            password,
            otpauth_url,
            recovery_codes: confirmed.recovery_codes,
            device,
            session: confirmed.session,
            vault,
            root: SigningKey::from_bytes(&rand::random()),
            directory: Vec::new(),
        }
    }

    /// An account whose vault has keys and a directory.
    pub async fn member(&self) -> Person {
        let mut person = self.sign_up().await;
        let entry = person.entry(DirectoryOp::Add, &person.device.clone());
        let init = person.init(entry.clone());
        self.call(person.request(self, "POST", "/init").json(&init)).await.done();
        person.directory.push(entry);
        person
    }

    /// Everything up to KE2.
    pub async fn sign_in_start(&self, device: &Device, email: &str, password: &str) -> HalfSignIn {
        let client = ClientLogin::<Suite>::start(&mut OsRng, password.as_bytes()).unwrap();
        let start = SignInStart {
            email: email.into(),
            ke1: client.message.serialize().to_vec().into(),
            device: device.keys(),
            puzzle: None,
        };
        let started: SignInStarted = self.post(device, "/v1/sign-in/start", &start).await.ok();
        HalfSignIn { client: client.state, started, password: password.into() }
    }

    /// Everything up to the second factor.
    pub async fn half_sign_in(&self, person: &Person, device: &Device) -> SignInStarted {
        let half = self.sign_in_start(device, &person.email, &person.password).await;
        let finish = half.finish().unwrap();
        self.post(device, "/v1/sign-in/finish", &finish).await.done();
        half.started
    }

    /// Signs in on a device with a fresh code.
    pub async fn sign_in(&self, person: &Person, device: &Device) -> Session {
        self.clock.shift(30);
        let started = self.half_sign_in(person, device).await;
        let code = self.code(&person.otpauth_url, 0);
        self.second_factor(device, &started, SecondFactor::Totp(code)).await.ok()
    }

    pub async fn second_factor(
        &self,
        device: &Device,
        started: &SignInStarted,
        second_factor: SecondFactor,
    ) -> Reply {
        self.post(
            device,
            "/v1/sign-in/second-factor",
            &SignInSecondFactor { sign_in_id: started.sign_in_id, second_factor },
        )
        .await
    }

    pub async fn refresh(&self, device: &Device, token: &api_types::Base64, attempt: [u8; 16]) -> Reply {
        let body = Refresh { refresh_token: token.clone(), attempt: attempt.to_vec().into() };
        self.post(device, "/v1/token/refresh", &body).await
    }
}

/// An OPAQUE registration in progress.
pub struct Registration {
    state: ClientRegistration<Suite>,
    password: String,
    pub request: Base64,
}

impl Registration {
    pub fn start(password: &str) -> Self {
        let started = ClientRegistration::<Suite>::start(&mut OsRng, password.as_bytes()).unwrap();
        let request = started.message.serialize().to_vec().into();
        Self { state: started.state, password: password.into(), request }
    }

    pub fn finish(self, account: AccountId, response: &Base64) -> Base64 {
        let response = RegistrationResponse::deserialize(&response.0).unwrap();
        let binding = Binding::new(account, Region::Eu);
        // The crate's default stretching, to save time: the service cannot tell the difference.
        let parameters = ClientRegistrationFinishParameters::new(binding.identifiers(), None);
        let done = self.state.finish(&mut OsRng, self.password.as_bytes(), response, parameters).unwrap();
        done.message.serialize().to_vec().into()
    }
}

pub struct HalfSignUp {
    pub started: SignUpStarted,
    pub finish: SignUpFinish,
}

pub struct HalfSignIn {
    pub client: ClientLogin<Suite>,
    pub started: SignInStarted,
    pub password: String,
}

impl HalfSignIn {
    /// `None`: the client itself refuses the service's response.
    pub fn finish(&self) -> Option<SignInFinish> {
        let binding = Binding::new(self.started.account_id, self.started.region);
        self.finish_as(&binding)
    }

    pub fn finish_as(&self, binding: &Binding) -> Option<SignInFinish> {
        let ke2 = CredentialResponse::<Suite>::deserialize(&self.started.ke2.0).unwrap();
        let parameters =
            ClientLoginFinishParameters::new(Some(binding.context()), binding.identifiers(), None);
        let done = self.client.clone().finish(&mut OsRng, self.password.as_bytes(), ke2, parameters).ok()?;
        Some(SignInFinish {
            sign_in_id: self.started.sign_in_id,
            ke3: done.message.serialize().to_vec().into(),
        })
    }
}

/// Somebody with an account.
pub struct Person {
    pub account: AccountId,
    pub email: String,
    pub password: String,
    pub otpauth_url: String,
    pub recovery_codes: Vec<String>,
    pub device: Device,
    pub session: Session,
    pub vault: VaultId,
    pub root: SigningKey,
    pub directory: Vec<SignedDirectoryEntry>,
}

impl Person {
    /// A request in the person's own vault on their own device.
    pub fn request(&self, fixture: &Fixture, method: &'static str, path: &str) -> Call {
        self.request_as(fixture, &self.device, &self.session, method, path)
    }

    pub fn request_as(
        &self,
        fixture: &Fixture,
        device: &Device,
        session: &Session,
        method: &'static str,
        path: &str,
    ) -> Call {
        Call::new(fixture, device, method, &format!("/v1/vaults/{}{path}", self.vault)).bearer(session)
    }

    /// The next directory entry, unsigned.
    pub fn plain_entry(&self, op: DirectoryOp, device: &Device) -> DirectoryEntry {
        DirectoryEntry {
            vault: self.vault,
            number: self.directory.len() as u64,
            previous: self.directory.last().map_or(Sha256::new([0; 32]), SignedDirectoryEntry::hash),
            op,
            device: device.id,
            signing_key: device.key.verifying_key().to_bytes(),
            sealing_key: device.sealing,
            role: DeviceRole::Full,
            created: 1_790_000_000,
        }
    }

    pub fn entry(&self, op: DirectoryOp, device: &Device) -> SignedDirectoryEntry {
        SignedDirectoryEntry::sign(&self.plain_entry(op, device), &self.root).unwrap()
    }

    pub fn init(&self, directory: SignedDirectoryEntry) -> VaultInit {
        VaultInit {
            signing_root: self.root.verifying_key().to_bytes().to_vec().into(),
            password: vec![1; 60].into(),
            recovery: vec![2; 600].into(),
            keyring: vec![3; 300].into(),
            directory,
        }
    }
}
