//! All changes of single responses, by lie. Numbers up to 30 are the design's; 31 covers responses that decide nothing,
//! 32 those of sign-up and of changing credentials.

use api_types::{
    AccountId, Base64, DeviceId, ErrorCode, ObjectId, ObjectKind, Problem, Region, RunId, SessionId,
    SignInId, SignUpId, SourceId, VaultId,
    account::{
        AuthenticatorStarted, PasswordStarted, RenewedCodes, ServiceInfo, Session, SignInStarted,
        SignUpConfirmed, SignUpFinished, SignUpStarted,
    },
    backup::{Committed, Confirmed, Lease, UploadGrants, UploadState},
    directory::DeviceRole,
    envelope::SnapshotEnvelope,
    puzzle::Puzzle,
    vault::{
        Audit, DeviceState, Devices, Directory, MemberRole, Objects, ReadGrants, RunState, Runs, SnapshotRow,
        Snapshots, VaultInfo, WrappedKey,
    },
};

use super::{
    edit::{Edit, typed},
    lie::{Route, get, post},
};

/// `GET /v1/vaults/{vault}/directory`
pub const DIRECTORY: Route = get("/v1/vaults/{vault}/directory");
/// `POST /v1/vaults/{vault}/directory`
pub const APPEND: Route = post("/v1/vaults/{vault}/directory");
/// `GET /v1/vaults/{vault}/snapshots`
pub const SNAPSHOTS: Route = get("/v1/vaults/{vault}/snapshots");
/// `GET /v1/vaults/{vault}/objects`
pub const OBJECTS: Route = get("/v1/vaults/{vault}/objects");
/// `POST /v1/vaults/{vault}/objects/read-urls`
pub const READ_URLS: Route = post("/v1/vaults/{vault}/objects/read-urls");
/// `GET /v1/vaults/{vault}/keys/{kind}`
pub const KEYS: Route = get("/v1/vaults/{vault}/keys/{kind}");
/// `GET /v1/vaults/{vault}/devices`
pub const DEVICES: Route = get("/v1/vaults/{vault}/devices");
/// `POST /v1/vaults/{vault}/devices/{device}/revoke`
pub const REVOKE: Route = post("/v1/vaults/{vault}/devices/{device}/revoke");
/// `GET /v1/vaults/{vault}/audit`
pub const AUDIT: Route = get("/v1/vaults/{vault}/audit");
/// `GET /v1/vaults/{vault}`
pub const VAULT: Route = get("/v1/vaults/{vault}");
/// `POST /v1/vaults/{vault}/init`
pub const INIT: Route = post("/v1/vaults/{vault}/init");
/// `GET /v1/vaults/{vault}/runs`
pub const RUNS: Route = get("/v1/vaults/{vault}/runs");
/// `POST /v1/vaults/{vault}/runs`
pub const START: Route = post("/v1/vaults/{vault}/runs");
/// `POST /v1/vaults/{vault}/runs/{run}/objects`
pub const GRANTS: Route = post("/v1/vaults/{vault}/runs/{run}/objects");
/// `POST /v1/vaults/{vault}/runs/{run}/confirm`
pub const CONFIRM: Route = post("/v1/vaults/{vault}/runs/{run}/confirm");
/// `POST /v1/vaults/{vault}/runs/{run}/commit`
pub const COMMIT: Route = post("/v1/vaults/{vault}/runs/{run}/commit");
/// `POST /v1/vaults/{vault}/runs/{run}/abort`
pub const ABORT: Route = post("/v1/vaults/{vault}/runs/{run}/abort");
/// `GET /v1/service`
pub const SERVICE: Route = get("/v1/service");
/// `POST /v1/sign-in/start`
pub const SIGN_IN: Route = post("/v1/sign-in/start");
/// `POST /v1/sign-in/finish`
pub const SIGN_IN_FINISH: Route = post("/v1/sign-in/finish");
/// `POST /v1/sign-in/second-factor`
pub const SECOND_FACTOR: Route = post("/v1/sign-in/second-factor");
/// `POST /v1/token/refresh`
pub const REFRESH: Route = post("/v1/token/refresh");
/// `POST /v1/sign-out`
pub const SIGN_OUT: Route = post("/v1/sign-out");
/// `POST /v1/sign-up/start`
pub const SIGN_UP: Route = post("/v1/sign-up/start");
/// `POST /v1/sign-up/finish`
pub const SIGN_UP_FINISH: Route = post("/v1/sign-up/finish");
/// `POST /v1/sign-up/confirm`
pub const SIGN_UP_CONFIRM: Route = post("/v1/sign-up/confirm");
/// `POST /v1/account/password/start`
pub const PASSWORD: Route = post("/v1/account/password/start");
/// `POST /v1/account/password/finish`
pub const PASSWORD_FINISH: Route = post("/v1/account/password/finish");
/// `POST /v1/account/recovery-codes`
pub const CODES: Route = post("/v1/account/recovery-codes");
/// `POST /v1/account/authenticator/start`
pub const AUTHENTICATOR: Route = post("/v1/account/authenticator/start");
/// `POST /v1/account/authenticator/confirm`
pub const AUTHENTICATOR_CONFIRM: Route = post("/v1/account/authenticator/confirm");
/// Routes that our clients never call.
pub const NOT_READ: [Route; 2] = [get("/healthz"), get("/v1/openapi.json")];

const NOBODY: [u8; 16] = [0xee; 16];
/// Id of an object that exists in no vault.
pub const NOWHERE: ObjectId = ObjectId::new([0xee; 32]);

fn flip(bytes: &mut Base64) {
    if let Some(last) = bytes.0.last_mut() {
        *last ^= 1;
    }
}

fn elsewhere(url: &mut String, to: &str) {
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    *url = format!("{to}/{path}");
}

/// Only each device's own chain keeps its order, since only that is signed.
fn last_of_another_to_the_end(list: &mut Snapshots) {
    let device =
        |row: &SnapshotRow| SnapshotEnvelope::from_bytes(&row.head.envelope.0).map(|e| e.device).ok();
    let Some((newest, position)) = list.snapshots.last().map(|row| (device(row), row.position)) else {
        return;
    };
    let other = list.snapshots.iter().rposition(|row| device(row) != newest).unwrap_or_default();
    let mut row = list.snapshots.remove(other);
    row.position = position + 1;
    list.snapshots.push(row);
}

macro_rules! edits {
    ($($lie:literal $route:ident $type:ty: $($what:literal => |$value:ident| $change:expr),+ $(,)?;)+) => {
        /// All changes.
        pub const EDITS: &[Edit] = &[$($(Edit {
            lie: $lie,
            route: $route,
            what: $what,
            change: |document| typed::<$type>(document, |$value| { $change; }),
        }),+),+];
    };
}

edits! {
    8 DEVICES Devices:
        "names swapped" => |d| if let [first, second, ..] = d.devices.as_mut_slice() {
            std::mem::swap(&mut first.keys.name, &mut second.keys.name);
        };
    9 DEVICES Devices:
        "one hidden" => |d| d.devices.pop(),
        "one more" => |d| if let Some(mut more) = d.devices.first().cloned() {
            more.keys.device_id = DeviceId::from_bytes(NOBODY);
            d.devices.push(more);
        },
        "another id" => |d| d.devices.iter_mut().for_each(|d| d.keys.device_id = DeviceId::from_bytes(NOBODY)),
        "other keys" => |d| for device in &mut d.devices {
            flip(&mut device.keys.signing_key);
            flip(&mut device.keys.sealing_key);
        };
    6 DIRECTORY Directory:
        "an entry changed" => |d| d.entries.iter_mut().for_each(|e| flip(&mut e.entry)),
        "a signature changed" => |d| d.entries.iter_mut().for_each(|e| flip(&mut e.signature)),
        "entries in another order" => |d| d.entries.reverse(),
        "the last one hidden" => |d| d.entries.pop();
    11 SNAPSHOTS Snapshots:
        "the first dropped" => |s| drop(s.snapshots.drain(..1.min(s.snapshots.len()))),
        "one in the middle dropped" => |s| drop(s.snapshots.remove(1.min(s.snapshots.len().saturating_sub(1)))),
        "the last dropped" => |s| s.snapshots.pop(),
        "one twice" => |s| if let Some(mut last) = s.snapshots.last().cloned() {
            last.position += 1;
            s.snapshots.push(last);
        },
        "in reverse order" => |s| {
            s.snapshots.reverse();
            (1..).zip(&mut s.snapshots).for_each(|(position, row)| row.position = position);
        },
        "each twice" => |s| {
            s.snapshots = s.snapshots.iter().flat_map(|row| [row.clone(), row.clone()]).collect();
            (1..).zip(&mut s.snapshots).for_each(|(position, row)| row.position = position);
        },
        "a signature changed" => |s| s.snapshots.iter_mut().for_each(|row| flip(&mut row.head.signature)),
        "an envelope changed" => |s| s.snapshots.iter_mut().for_each(|row| flip(&mut row.head.envelope)),
        "the envelope of another row" => |s| if let [first, second, ..] = s.snapshots.as_mut_slice() {
            std::mem::swap(&mut first.head, &mut second.head);
        };
    13 COMMIT Committed:
        "another position" => |c| c.position = u64::MAX;
    14 OBJECTS Objects:
        "a row without an object" => |o| if let Some(mut more) = o.objects.last().cloned() {
            more.number += 1;
            more.id = NOWHERE;
            o.objects.push(more);
        },
        "another id" => |o| o.objects.iter_mut().for_each(|row| row.id = NOWHERE),
        "another kind" => |o| o.objects.iter_mut().for_each(|row| row.kind = ObjectKind::Key),
        "another size" => |o| o.objects.iter_mut().for_each(|row| row.size = 12),
        "other numbers" => |o| o.objects.iter_mut().for_each(|row| row.number += 7),
        "all hidden" => |o| o.objects.clear();
    15 SNAPSHOTS Snapshots:
        "a device's last row shown as the newest" => |s| last_of_another_to_the_end(s);
    16 CONFIRM Confirmed:
        "stored, though it is absent" => |c| { let absent = std::mem::take(&mut c.absent); c.stored.extend(absent) },
        "absent, though it is stored" => |c| { let stored = std::mem::take(&mut c.stored); c.absent.extend(stored) };
    18 READ_URLS ReadGrants:
        "another object" => |r| r.grants.iter_mut().for_each(|g| g.object.id = NOWHERE),
        "a URL of another object" => |r| r.grants.iter_mut().for_each(|g| g.url = g.url.replace("/v1/", "/v1/0")),
        "another size" => |r| r.grants.iter_mut().for_each(|g| g.object.size = 7),
        "ten gigabytes" => |r| r.grants.iter_mut().for_each(|g| g.object.size = 10_000_000_000),
        "another kind" => |r| r.grants.iter_mut().for_each(|g| g.object.kind = ObjectKind::Key),
        "another number" => |r| r.grants.iter_mut().for_each(|g| g.object.number ^= 1),
        "past its time" => |r| r.grants.iter_mut().for_each(|g| g.expires_at = 0),
        "an address inside the network" => |r| r.grants.iter_mut().for_each(|g| elsewhere(&mut g.url, "https://10.0.0.5")),
        "link-local" => |r| r.grants.iter_mut().for_each(|g| elsewhere(&mut g.url, "http://169.254.169.254")),
        "another port" => |r| r.grants.iter_mut().for_each(|g| elsewhere(&mut g.url, "http://127.0.0.1:9")),
        "user info" => |r| r.grants.iter_mut().for_each(|g| g.url = g.url.replace("://", "://user:word@")),
        "no grant" => |r| r.grants.clear();
    18 GRANTS UploadGrants:
        "an upload elsewhere" => |u| for grant in &mut u.grants {
            if let UploadState::Put { url, .. } = &mut grant.state { elsewhere(url, "http://127.0.0.1:9") }
        },
        "a header that names another host" => |u| for grant in &mut u.grants {
            if let UploadState::Put { headers, .. } = &mut grant.state { drop(headers.insert("host".into(), "10.0.0.5".into())) }
        },
        "another object" => |u| u.grants.iter_mut().for_each(|g| g.id = NOWHERE),
        "past its time" => |u| for grant in &mut u.grants {
            if let UploadState::Put { expires_at, .. } = &mut grant.state { *expires_at = 0 }
        };
    16 GRANTS UploadGrants:
        "stored, though it was never sent" => |u| u.grants.iter_mut().for_each(|g| g.state = UploadState::Stored),
        "another number" => |u| u.grants.iter_mut().for_each(|g| g.number ^= 1);
    19 SECOND_FACTOR Session:
        "not ready" => |s| s.vaults.iter_mut().for_each(|v| v.ready = false),
        "another vault" => |s| s.vaults.iter_mut().for_each(|v| v.vault_id = VaultId::from_bytes(NOBODY)),
        "two vaults" => |s| if let Some(mut more) = s.vaults.first().cloned() {
            more.vault_id = VaultId::from_bytes(NOBODY);
            s.vaults.insert(0, more);
        },
        "no vault" => |s| s.vaults.clear(),
        "another region" => |s| s.vaults.iter_mut().for_each(|v| v.region = Region::Ca),
        "another bucket" => |s| s.vaults.iter_mut().for_each(|v| v.bucket = "elsewhere".into()),
        "another storage" => |s| s.vaults.iter_mut().for_each(|v| v.storage_origin = "https://10.0.0.5".into()),
        "another role" => |s| s.vaults.iter_mut().for_each(|v| v.role = MemberRole::Auditor),
        "another account" => |s| s.account_id = AccountId::from_bytes(NOBODY);
    19 VAULT VaultInfo:
        "everything else" => |v| *v = VaultInfo {
            vault_id: VaultId::from_bytes(NOBODY), region: Region::Ca, role: MemberRole::Auditor,
            storage_origin: "https://10.0.0.5".into(), bucket: "elsewhere".into(), ready: false,
        };
    20 AUDIT Audit:
        "an event changed" => |a| a.events.iter_mut().for_each(|row| flip(&mut row.event)),
        "a hash changed" => |a| a.events.iter_mut().for_each(|row| flip(&mut row.hash)),
        "the first hidden" => |a| drop(a.events.drain(..1.min(a.events.len())));
    31 AUDIT Audit:
        "other positions" => |a| a.events.iter_mut().for_each(|row| row.position += 7);
    22 KEYS WrappedKey:
        "empty" => |k| k.bytes = Base64(Vec::new()),
        "junk" => |k| k.bytes = Base64(vec![0x5a; 65_536]),
        "a bit changed" => |k| flip(&mut k.bytes);
    31 KEYS WrappedKey:
        "another version" => |k| k.version = u32::MAX;
    26 SIGN_IN SignInStarted:
        "another account" => |l| l.account_id = AccountId::from_bytes(NOBODY),
        "another region" => |l| l.region = Region::Ca,
        "another KE2" => |l| flip(&mut l.ke2),
        "another sign-in" => |l| l.sign_in_id = SignInId::from_bytes(NOBODY);
    27 REFRESH Session:
        "another token" => |s| s.access_token.push('x'),
        "a token that never ends" => |s| s.expires_at = i64::MAX,
        "a token that is over" => |s| s.expires_at = 0,
        "another refresh token" => |s| flip(&mut s.refresh_token),
        "another session" => |s| s.session_id = SessionId::from_bytes(NOBODY),
        "another account" => |s| s.account_id = AccountId::from_bytes(NOBODY);
    31 SERVICE ServiceInfo:
        "another version" => |s| s.version = "\u{1b}]52;c;AAAA\u{7}".into(),
        "other regions" => |s| s.regions.clear();
    23 SERVICE ServiceInfo:
        "another time" => |s| s.server_time += 23 * 3600;
    31 RUNS Runs:
        "other runs" => |r| for run in &mut r.runs {
            run.run_id = RunId::from_bytes(NOBODY);
            run.source_id = SourceId::from_bytes(NOBODY);
            run.device_id = DeviceId::from_bytes(NOBODY);
            run.snapshot_id = Some(NOWHERE);
        },
        "other ends" => |r| for run in &mut r.runs {
            run.state = RunState::Failed;
            run.started_at = i64::MAX;
            run.ended_at = Some(i64::MIN);
            run.failure = Some("\u{1b}[2J".into());
        },
        "other sizes" => |r| for run in &mut r.runs {
            run.bytes_read = Some(u64::MAX);
            run.bytes_stored = u64::MAX;
        };
    31 START Lease:
        "another lease" => |l| { l.run_id = RunId::from_bytes(NOBODY); l.expires_at = 0 };
    31 DEVICES Devices:
        "other states and times" => |d| for device in &mut d.devices {
            device.state = DeviceState::Revoked;
            device.role = Some(DeviceRole::BackupOnly);
            device.created_at = i64::MIN;
            device.last_seen_at = Some(i64::MAX);
        };
    31 SNAPSHOTS Snapshots:
        "other ids" => |s| s.snapshots.iter_mut().for_each(|row| row.snapshot_id = NOWHERE);
    32 SIGN_UP SignUpStarted:
        "another account" => |s| s.account_id = AccountId::from_bytes(NOBODY),
        "another sign-up" => |s| s.sign_up_id = SignUpId::from_bytes(NOBODY),
        "no response" => |s| s.registration_response.0.fill(0xff);
    32 SIGN_UP_FINISH SignUpFinished:
        "no link" => |s| s.otpauth_url = "\u{1b}[2J".into();
    32 SIGN_UP_CONFIRM SignUpConfirmed:
        "another session" => |s| { s.recovery_codes.clear(); s.session.account_id = AccountId::from_bytes(NOBODY) };
    32 PASSWORD PasswordStarted:
        "no response" => |p| p.registration_response.0.fill(0xff);
    32 PASSWORD_FINISH Session:
        "another account" => |s| s.account_id = AccountId::from_bytes(NOBODY);
    32 CODES RenewedCodes:
        "no codes" => |c| c.recovery_codes.clear();
    32 AUTHENTICATOR AuthenticatorStarted:
        "no link" => |a| a.otpauth_url = "x".into();
}

/// A change of an error response, with its name.
pub type Refusal = (&'static str, fn(&mut Problem));

/// All changes of error responses; any route can send one.
pub const PROBLEMS: &[Refusal] = &[
    ("a title with escapes", |p| p.title = "\u{1b}]52;c;AAAA\u{7}\u{202e}".into()),
    ("another type", |p| p.kind = "x".into()),
    ("another status", |p| p.status = 299),
    ("another code", |p| p.code = ErrorCode::Conflict),
    ("another request", |p| p.request_id = "\u{1b}[2J".into()),
    ("a long wait", |p| p.retry_after = Some(u64::MAX)),
    ("a puzzle without end", |p| p.puzzle = Some(Puzzle { salt: vec![9; 57].into(), bits: 255 })),
    ("more used than there is", |p| p.used = Some(u64::MAX)),
    ("no room at all", |p| p.quota = Some(0)),
    ("another time", |p| p.server_time = Some(i64::MAX)),
    ("objects that are there", |p| p.objects = vec![NOWHERE; 5000]),
];
