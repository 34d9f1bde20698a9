//! Every bad input yields one clear sentence and the documented exit code, and changes nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, os::unix::fs::PermissionsExt};

use e2e::{Call, Device, Stage, data, device::text};

/// One sentence in the user's terms, without program internals.
fn refused(call: Call, code: i32) {
    let error = call.refused(code).unwrap();
    for part in ["message", "meaning", "next_step"] {
        let said = text(&error, part).unwrap();
        assert!(said.len() > 3, "{error}");
        for debris in ["panicked", "Error {", "Some(", "unwrap", "RUST_BACKTRACE", "\n"] {
            assert!(!said.contains(debris), "{error}");
        }
    }
}

#[test]
fn what_cannot_be_backed_up() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    let postgres = &stage.postgres;
    data::fill(postgres, "there", 1).unwrap();
    let port = postgres.port();
    let with_password = |url: &str| device.call(["backup", url]).env("PGPASSWORD", postgres.password());

    refused(with_password(&postgres.url("not_there")), 6);
    refused(device.call(["backup", &postgres.url("there")]).env("PGPASSWORD", "wrong"), 6);
    refused(device.call(["backup", &postgres.url("there")]), 6);
    refused(with_password(&format!("postgres://nobody@127.0.0.1:{port}/there")), 6);
    refused(with_password("postgres://owner@127.0.0.1:1/there"), 6);
    refused(with_password("postgres://owner@no-such-host.invalid/there"), 6);
    refused(with_password("mysql://root@127.0.0.1/there"), 2);
    refused(with_password("there"), 2);
    refused(device.call(["backup", "--file", "missing.dump"]), 7);
    refused(device.call(["backup", "--file", "."]), 2);
    let closed = device.desk().join("closed");
    fs::write(&closed, "x").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&closed).is_err() {
        refused(device.call(["backup", "--file", "closed"]), 6);
    }
    assert_eq!(device.snapshots().unwrap(), [""; 0]);

    // The password may come from ~/.pgpass, but not from the command line.
    let pgpass = device.desk().join(".pgpass");
    fs::write(&pgpass, format!("127.0.0.1:{port}:there:owner:{}\n", postgres.password())).unwrap();
    fs::set_permissions(&pgpass, fs::Permissions::from_mode(0o600)).unwrap();
    device.call(["backup", &postgres.url("there")]).ok().unwrap();
}

#[test]
fn what_cannot_be_restored() {
    let stage = Stage::shared().unwrap();
    let (device, _) = stage.new_account().unwrap();
    refused(device.restore_to("latest", "out"), 7);
    // A mistake in a URL points to the help of that command.
    for call in [
        device.call(["restore", "latest", "--into", "postgres://owner@127.0.0.1:99999/x"]),
        device.call(["restore", "--clean-up", "postgres://owner@127.0.0.1:99999/x"]),
    ] {
        let error = call.refused(2).unwrap();
        assert!(text(&error, "next_step").unwrap().contains("restore --help"), "{error}");
    }
    device.backup_bytes("note", b"not a dump").ok().unwrap();
    refused(device.restore_to("latest", "out").arg("--source").arg("other"), 7);
    refused(device.restore_to(&"0".repeat(64), "out"), 7);
    refused(device.restore_to("ffffffffffffffff", "out"), 7);
    refused(device.restore_to("not-an-id", "out"), 2);
    refused(device.restore_to("latest", "no/such/directory/out"), 7);
    assert!(!device.desk().join("out").exists());
    refused(device.restore_into("latest", &stage.postgres, "from_a_note"), 2);
    let made = stage
        .postgres
        .sql("postgres", "select count(*) from pg_database where datname = 'from_a_note'")
        .unwrap();
    assert_eq!(made, "0", "a database was left behind");
    let left: Vec<_> = fs::read_dir(device.desk()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["sealkeep"], "something was left behind");
}

#[test]
fn who_cannot_sign_in() {
    let stage = Stage::shared().unwrap();
    let (_, account) = stage.new_account().unwrap();
    let other = Device::new(&stage.service).unwrap();
    let words = &account.recovery_words;
    let wrong_words = words.split(' ').rev().collect::<Vec<_>>().join(" ");
    let code = || account.authenticator.code();

    refused(
        account_call(&other, "nobody@example.com", &account.password, words).env("SEALKEEP_TOTP", "123456"),
        3,
    );
    refused(account_call(&other, &account.email, "wrong", words).env("SEALKEEP_TOTP", "123456"), 3);
    refused(other.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.wrong_code()), 3);
    refused(other.login_call(&account).env("SEALKEEP_TOTP", "not a code"), 3);
    refused(other.login_call(&account).env("SEALKEEP_RECOVERY_CODE", "aaaa-bbbb-cccc-dddd"), 3);
    refused(
        account_call(&other, &account.email, &account.password, &wrong_words).env("SEALKEEP_TOTP", code()),
        3,
    );
    refused(other.call(["snapshots"]), 3);
    refused(other.backup_bytes("note", b"x"), 3);

    // A code works once.
    let once = code();
    other.login_call(&account).env("SEALKEEP_TOTP", &once).ok().unwrap();
    let third = Device::new(&stage.service).unwrap();
    refused(third.login_call(&account).env("SEALKEEP_TOTP", &once), 3);
    // So does a recovery code.
    let spare = account.recovery_codes.first().unwrap();
    third.login_call(&account).env("SEALKEEP_RECOVERY_CODE", spare).ok().unwrap();
    let fourth = Device::new(&stage.service).unwrap();
    refused(fourth.login_call(&account).env("SEALKEEP_RECOVERY_CODE", spare), 3);
}

fn account_call(device: &Device, email: &str, password: &str, words: &str) -> Call {
    device
        .call(["login", "--email", email])
        .env("SEALKEEP_PASSWORD", password)
        .env("SEALKEEP_RECOVERY_WORDS", words)
}

#[test]
fn an_unreachable_service_and_wrong_usage() {
    let nobody = Device::with_server("http://127.0.0.1:1").unwrap();
    let login = |device: &Device| {
        device
            .call(["login", "--email", "a@example.com"])
            .env("SEALKEEP_PASSWORD", "p")
            .env("SEALKEEP_TOTP", "123456")
    };
    refused(login(&nobody), 4);
    refused(login(&Device::with_server("http://example.com").unwrap()), 2);
    refused(login(&Device::with_server("not a url").unwrap()), 2);
    refused(login(&Device::with_server("ftp://127.0.0.1").unwrap()), 2);
    for arguments in [
        &["backup"][..],
        &["restore"],
        &["restore", "latest"],
        &["nonsense"],
        &["backup", "--stdin"],
        &["signup"],
    ] {
        let outcome = nobody.call_plain(arguments).go().unwrap();
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(outcome.stderr.contains("Usage"), "{outcome}");
    }
    // A password is refused where every user of the machine could see it.
    let outcome =
        nobody.call_plain(["login", "--email", "a@example.com", "--password", "secret"]).go().unwrap();
    assert_eq!(outcome.code, 2, "{outcome}");
}

#[test]
fn a_revoked_device_is_out_at_once() {
    let stage = Stage::shared().unwrap();
    let (first, account) = stage.new_account().unwrap();
    let lost = Device::new(&stage.service).unwrap();
    lost.sign_in(&account).unwrap();
    lost.backup_bytes("note", b"from the device that will be lost").ok().unwrap();
    let listed = first.call(["devices"]).ok().unwrap();
    let own = e2e::member::Member::of(&lost, &stage.service).unwrap().device_id;
    assert!(listed.to_string().contains(&own), "{listed}");
    first.call(["devices", "revoke", &own]).ok().unwrap();
    for call in [lost.call(["snapshots"]), lost.backup_bytes("note", b"x"), lost.call(["check"])] {
        refused(call, 3);
    }
    // Its earlier backups stay valid.
    assert_eq!(first.restore_bytes("latest").unwrap(), b"from the device that will be lost");
    refused(first.call(["devices", "revoke", "00000000-0000-4000-8000-000000000000"]), 7);
}
