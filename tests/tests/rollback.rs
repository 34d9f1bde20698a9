//! A service that shows an older list, or one with a link missing, is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use e2e::{Device, Service};

const TABLE: &str = "app.snapshot";

/// The hostile operator's hand: takes rows out, and can put them back.
struct Removed<'a>(&'a Service);

impl<'a> Removed<'a> {
    fn rows(service: &'a Service, which: &str) -> Self {
        let removed = service
            .sql(&format!(
                "set session_replication_role = replica; create table public.kept as select * from {TABLE} where {which};
                 with gone as (delete from {TABLE} where {which} returning 1) select count(*) from gone"
            ))
            .unwrap();
        assert_ne!(removed, "0", "nothing was removed");
        Self(service)
    }

    fn put_back(self) {
        self.0
            .sql(&format!(
                "set session_replication_role = replica; insert into {TABLE} select * from public.kept; drop table public.kept"
            ))
            .unwrap();
    }
}

#[test]
fn n73_n74_an_older_or_broken_history_is_refused() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    for content in [b"first", b"secon", b"third"] {
        device.backup_bytes("note", content).ok().unwrap();
    }
    assert_eq!(device.restore_bytes("latest").unwrap(), b"third");

    // The newest is gone: whoever saw it notices.
    let removed = Removed::rows(&service, "position = 3");
    for call in [
        device.call(["snapshots"]),
        device.restore_to("latest", "old"),
        device.call(["check"]),
        device.backup_bytes("note", b"fourth"),
    ] {
        call.refused(10).unwrap();
    }
    assert!(!device.desk().join("old").exists());
    removed.put_back();
    assert_eq!(device.restore_bytes("latest").unwrap(), b"third");

    // One in the middle is gone: anybody notices, a new device too.
    let removed = Removed::rows(&service, "position = 2");
    device.restore_to("latest", "old").refused(10).unwrap();
    let newcomer = Device::new(&service).unwrap();
    let signed_in =
        newcomer.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.code()).go().unwrap();
    if signed_in.code == 0 {
        newcomer.call(["snapshots"]).refused(10).unwrap();
    } else {
        assert_eq!(signed_in.code, 10, "{signed_in}");
    }
    removed.put_back();
    assert_eq!(device.restore_bytes("latest").unwrap(), b"third");
    device.backup_bytes("note", b"fourth").ok().unwrap();
}

#[test]
fn a_history_that_somebody_else_signed_is_refused() {
    let service = Service::start().unwrap();
    let device = Device::new(&service).unwrap();
    device.sign_up("eu").unwrap();
    device.backup_bytes("note", b"first").ok().unwrap();
    service
        .sql(&format!("set session_replication_role = replica; update {TABLE} set signature = set_byte(signature, 5, get_byte(signature, 5) # 1)"))
        .unwrap();
    device.call(["snapshots"]).refused(10).unwrap();
}
