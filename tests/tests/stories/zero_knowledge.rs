//! No plaintext marker, key or password appears on the wire, in the bucket, or in the service's database, logs or
//! secrets file. Then the same search is shown to find what is there.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use api_types::Base64;
use e2e::{Call, Device, Postgres, Service, data, device::text, files, keys::KeyFile, proxy::positions};

/// Places where a secret could appear, with their bytes.
struct Places(Vec<(&'static str, Vec<u8>)>);

impl Places {
    fn of(service: &Service) -> Self {
        let wires = service.wires().unwrap();
        let mut bucket = Vec::new();
        for path in files::walk(service.bucket().dir()).unwrap() {
            bucket.extend(path.as_os_str().as_encoded_bytes());
            bucket.extend(fs::read(path).unwrap());
        }
        Self(vec![
            ("traffic of the service", wires.api.record()),
            ("traffic of the store", wires.store.record()),
            ("bucket", bucket),
            ("database", service.database_dump().unwrap()),
            ("log", service.log().unwrap().into_bytes()),
            ("secrets", fs::read(service.secrets_path()).unwrap()),
        ])
    }

    /// The places that contain any form of `secret`.
    fn find(&self, secret: &[u8]) -> Vec<&'static str> {
        let forms = forms(secret);
        let holds = |bytes: &[u8]| forms.iter().any(|form| positions(bytes, form).next().is_some());
        self.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| *name).collect()
    }
}

/// Plain, hexadecimal, and base64 (both alphabets) at each of the three alignments.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms =
        vec![secret.to_owned(), hex(secret).into_bytes(), hex(secret).to_uppercase().into_bytes()];
    for shift in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
        let text =
            serde_json::to_value(Base64(shifted)).unwrap().as_str().unwrap().trim_end_matches('=').to_owned();
        // Characters that also encode bits of neighbors are left out.
        let inner = &text[(shift * 8).div_ceil(6)..text.len() - 1];
        forms.push(inner.replace('-', "+").replace('_', "/").into_bytes());
        forms.push(inner.replace('+', "-").replace('/', "_").into_bytes());
    }
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn n86_nobody_else_learns_anything_about_the_customer() {
    let service = Service::start_wired().unwrap();
    let postgres = Postgres::start().unwrap();
    let marker = format!("mk{}", hex(&rand::random::<[u8; 8]>()));
    let database = format!("db_{marker}");
    data::fill(&postgres, &database, 5).unwrap();
    postgres
        .sql(
            &database,
            &format!(
                "create table plans (id int, column_{marker} text, blob bytea);
                 insert into plans select i, 'merger with {marker}', decode(repeat('{}', 20), 'hex') from generate_series(1, 5000) i",
                hex(marker.as_bytes())
            ),
        )
        .unwrap();

    let device = Device::new(&service).unwrap();
    let account = device.sign_up("eu").unwrap();
    let dumped = device.backup(&postgres, &database).ok().unwrap();
    let named = device
        .call(["backup", "--stdin", "--name", &format!("name-{marker}")])
        .stdin(format!("content {marker}"))
        .ok()
        .unwrap();
    let other = Device::new(&service).unwrap();
    other.sign_in(&account).unwrap();
    other.restore_into(text(&dumped, "snapshot_id").unwrap(), &postgres, "restored").ok().unwrap();
    other.call(["check", "--read-data"]).ok().unwrap();
    let snapshot = text(&named, "snapshot_id").unwrap().to_owned();
    assert_eq!(other.restore_bytes(&snapshot).unwrap(), format!("content {marker}").as_bytes());
    // A failing run must not leak either.
    device
        .call(["backup", &postgres.url(&format!("absent_{marker}"))])
        .env("PGPASSWORD", postgres.password())
        .refused(6)
        .unwrap();
    device.call(["logout"]).ok().unwrap();

    let places = Places::of(&service);
    let mut secrets: Vec<(String, Vec<u8>)> = vec![
        ("the marker".into(), marker.clone().into_bytes()),
        ("the password".into(), account.password.clone().into_bytes()),
        ("the database's password".into(), postgres.password().as_bytes().to_owned()),
        ("the recovery words".into(), account.recovery_words.clone().into_bytes()),
        (
            "the last recovery words".into(),
            account.recovery_words.split(' ').skip(20).collect::<Vec<_>>().join(" ").into_bytes(),
        ),
    ];
    for (whose, device) in [("first device", &device), ("second device", &other)] {
        let keys = KeyFile::of(device).unwrap().client_keys().unwrap();
        assert!(keys.len() >= 7, "only {} keys were found to look for", keys.len());
        secrets.extend(keys.into_iter().map(|(name, key)| (format!("{whose}, {name}"), key)));
    }
    for (name, secret) in &secrets {
        assert_eq!(places.find(secret), [""; 0], "{name} was found");
    }

    // The control: the search finds what is there, in each form and place.
    let known = |what: &[u8], place: &str| {
        assert!(places.find(what).contains(&place), "the search does not find what stands in {place}");
    };
    known(account.email.as_bytes(), "traffic of the service");
    known(account.email.as_bytes(), "database");
    let id: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&snapshot[2 * i..2 * i + 2], 16).unwrap()).collect();
    known(&id, "traffic of the store");
    known(&id, "database");
    let (_, pack) = service.bucket().of_kind("packs").unwrap().pop_first().unwrap();
    let piece = pack.bytes().unwrap()[1000..1040].to_owned();
    known(&piece, "traffic of the store");
    known(&piece, "bucket");
    known(b"\"ready\":true", "log");
    known(b"SEALKEEP_MASTER_KEY", "secrets");
    for (at, planted) in forms(marker.as_bytes()).into_iter().enumerate() {
        let planted = [&b"noise "[..], &planted, b" noise"].concat();
        assert_eq!(Places(vec![("here", planted)]).find(marker.as_bytes()), ["here"], "form {at}");
    }
    // And the marker is in the backed-up dump, so there was something to hide.
    let dump = device.desk().join("control.dump");
    postgres.dump(&database, &dump).unwrap();
    assert!(positions(&fs::read(dump).unwrap(), marker.as_bytes()).count() > 5000);
}

/// Everything that a device and its service leave behind or print, searched for what only the owner may know. The
/// device's key file is sealed with a passphrase, so that none of it is exempt.
#[test]
fn n85_no_secret_is_left_behind() {
    let service = Service::start_wired().unwrap();
    let postgres = Postgres::start().unwrap();
    let marker = format!("mk{}", hex(&rand::random::<[u8; 8]>()));
    data::fill(&postgres, "canary", 1).unwrap();
    let rows = format!("create table t as select i, '{marker} ' || i as v from generate_series(1, 2000) i");
    postgres.sql("canary", &rows).unwrap();
    // One device with a plain key file, to know what to search for; one with sealed keys, to search.
    let known = Device::new(&service).unwrap();
    let account = known.sign_up("eu").unwrap();
    let sealed = Device::new(&service).unwrap();
    let passphrase = format!("pass {}", hex(&rand::random::<[u8; 8]>()));
    let mut said = Vec::new();
    let mut run = |call: Call, code: i32| {
        let outcome =
            call.env("SEALKEEP_KEYSTORE_PASSPHRASE", &passphrase).env("SEALKEEP_LOG", "trace").go().unwrap();
        assert_eq!(outcome.code, code, "{outcome}");
        // A dump on standard output is for the owner.
        said.extend_from_slice(outcome.stderr.as_bytes());
        outcome
    };
    run(sealed.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.wrong_code()), 3);
    let signed_in = run(sealed.login_call(&account).env("SEALKEEP_TOTP", account.authenticator.code()), 0);
    let mut printed = signed_in.stdout;
    for (call, code) in [
        (sealed.backup(&postgres, "canary"), 0),
        (sealed.call(["backup", &postgres.url("canary")]).env("PGPASSWORD", "a-wrong-password-of-ours"), 6),
        (sealed.backup_bytes("note", marker.as_bytes()), 0),
        (sealed.call(["snapshots"]), 0),
        (sealed.call_plain(["status"]), 0),
        (sealed.call(["devices"]), 0),
        (sealed.call(["check", "--read-data"]), 0),
        (sealed.call(["index", "rebuild"]), 0),
        (sealed.call(["index", "records", "--source", "canary"]), 0),
        (sealed.restore_into("latest", &postgres, "canary_back").arg("--source").arg("canary"), 0),
        (sealed.restore_to("latest", "out").arg("--source").arg("nosuch"), 7),
    ] {
        printed.extend(run(call, code).stdout);
    }
    assert_eq!(
        run(sealed.call_plain(["restore", "latest", "--source", "note", "--stdout"]), 0).stdout,
        marker.as_bytes()
    );

    let mut home = Vec::new();
    for path in files::walk(&sealed.home()).unwrap() {
        home.extend(path.as_os_str().as_encoded_bytes());
        home.extend(fs::read(path).unwrap());
    }
    assert!(home.len() > 10_000, "there is no home to look at");
    let places = Places(vec![
        ("home", home),
        ("standard output", printed),
        ("standard error", said),
        ("log of the service", service.log().unwrap().into_bytes()),
        ("database", service.database_dump().unwrap()),
    ]);
    let mut secrets: Vec<(String, Vec<u8>)> = vec![
        ("the content of a table".into(), marker.into_bytes()),
        ("the password".into(), account.password.clone().into_bytes()),
        ("the passphrase".into(), passphrase.into_bytes()),
        ("the database's password".into(), postgres.password().as_bytes().to_owned()),
        ("a wrong password".into(), b"a-wrong-password-of-ours".to_vec()),
        ("the recovery words".into(), account.recovery_words.clone().into_bytes()),
        ("a recovery code".into(), account.recovery_codes.first().unwrap().clone().into_bytes()),
        ("the second factor's seed".into(), account.authenticator.secret().to_owned()),
    ];
    let keys = KeyFile::of(&known).unwrap().client_keys().unwrap();
    secrets.extend(keys);
    for (name, secret) in &secrets {
        assert_eq!(places.find(secret), [""; 0], "{name} was found");
    }
    // The control: permitted content is found.
    assert!(places.find(account.email.as_bytes()).contains(&"database"));
    assert!(places.find(b"canary").contains(&"standard output"));
    assert!(places.find(b"index").contains(&"home"));
}
