//! Settings: each missing, short, default or repeated one is reported in a sentence, with exit code 1.

use std::{collections::BTreeMap, process::Command};

use metadata_api::config;

type Settings = BTreeMap<String, String>;

/// Complete settings; `check-config --offline` needs neither the database nor the store.
fn complete() -> Settings {
    let mut settings: Settings = config::generate_secrets()
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (name, value) in [
        ("SEALKEEP_DATABASE_URL", "postgres://sealkeep_api:pw@127.0.0.1:1/sealkeep"),
        ("SEALKEEP_PUBLIC_AUTHORITY", "api.example.com"),
        ("SEALKEEP_REGION_EU_ENDPOINT", "https://s3.example.com"),
        ("SEALKEEP_REGION_EU_BUCKET", "sealkeep-eu"),
        ("SEALKEEP_REGION_EU_ACCESS_KEY", "AKEXAMPLE"),
        ("SEALKEEP_REGION_EU_SECRET_KEY", "8f2d1c0b7a694857463524130201f0e0"),
        ("SEALKEEP_REGION_EU_S3_REGION", "eu-central-1"),
    ] {
        settings.insert(name.into(), value.into());
    }
    settings
}

fn with(changes: &[(&str, &str)]) -> Settings {
    let mut settings = complete();
    settings.extend(changes.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    settings
}

fn without(name: &str) -> Settings {
    let mut settings = complete();
    settings.remove(name).unwrap();
    settings
}

/// Exit code and output.
fn run(settings: &Settings, args: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_metadata-api"))
        .args(args)
        .env_clear()
        .envs(settings)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    (out.status.code(), said)
}

fn check(settings: &Settings) -> (Option<i32>, String) {
    run(settings, &["check-config", "--offline"])
}

#[track_caller]
fn refused(settings: &Settings, words: &[&str]) {
    let (code, said) = check(settings);
    assert_eq!(code, Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
}

#[test]
fn complete_settings_are_accepted() {
    assert_eq!(check(&complete()), (Some(0), "the settings are complete\n".to_owned()));
}

#[test]
fn each_missing_setting_is_named() {
    for name in complete().keys() {
        refused(&without(name), &[name, "missing"]);
        refused(&with(&[(name, "")]), &[name, "missing"]);
    }
    let mut nowhere = complete();
    nowhere.retain(|name, _| !name.starts_with("SEALKEEP_REGION_"));
    refused(&nowhere, &["no region is configured"]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let (code, said) = check(&Settings::new());
    assert_eq!(code, Some(1));
    for name in [
        "SEALKEEP_DATABASE_URL",
        "SEALKEEP_PUBLIC_AUTHORITY",
        "SEALKEEP_OPAQUE_SETUP",
        "SEALKEEP_MASTER_KEY",
        "SEALKEEP_TOKEN_KEY",
        "SEALKEEP_REFRESH_PEPPER",
    ] {
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[test]
fn short_default_and_repeated_secrets_are_refused_and_never_printed() {
    for name in ["SEALKEEP_MASTER_KEY", "SEALKEEP_TOKEN_KEY", "SEALKEEP_REFRESH_PEPPER"] {
        let short = "Zm9vYmFyYmF6cXV4";
        refused(&with(&[(name, short)]), &[name, "12 bytes"]);
        let zeros = "A".repeat(43);
        refused(&with(&[(name, &zeros)]), &[name, "placeholder"]);
        // "change me change me change me !!", in base64url
        refused(&with(&[(name, "Y2hhbmdlIG1lIGNoYW5nZSBtZSBjaGFuZ2UgbWUgISE")]), &[name, "placeholder"]);
        refused(&with(&[(name, "not base64!")]), &[name, "base64url"]);
    }
    refused(&with(&[("SEALKEEP_OPAQUE_SETUP", "AAAA")]), &["SEALKEEP_OPAQUE_SETUP", "generate-secrets"]);
    let settings = complete();
    let repeated = with(&[
        ("SEALKEEP_MASTER_KEY", &settings["SEALKEEP_TOKEN_KEY"]),
        ("SEALKEEP_TOKEN_KEY", &settings["SEALKEEP_TOKEN_KEY"]),
    ]);
    refused(&repeated, &["SEALKEEP_TOKEN_KEY", "same as", "SEALKEEP_MASTER_KEY"]);
    for (code, said) in [check(&repeated), check(&settings)] {
        assert!(code.is_some());
        for name in ["SEALKEEP_MASTER_KEY", "SEALKEEP_TOKEN_KEY", "SEALKEEP_REGION_EU_SECRET_KEY"] {
            assert!(!said.contains(&repeated[name]), "a secret was printed");
        }
    }
}

#[test]
fn store_settings_are_checked() {
    let eu = |setting: &str| format!("SEALKEEP_REGION_EU_{setting}");
    for weak in
        ["minioadmin", "short", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]
    {
        refused(&with(&[(&eu("SECRET_KEY"), weak)]), &[&eu("SECRET_KEY")]);
    }
    for bad in ["http://s3.example.com", "ftp://s3.example.com", "s3.example.com", "not a url"] {
        refused(&with(&[(&eu("ENDPOINT"), bad)]), &[&eu("ENDPOINT"), "https"]);
    }
    assert_eq!(check(&with(&[(&eu("ENDPOINT"), "http://127.0.0.1:9000")])).0, Some(0));
}

#[test]
fn the_database_is_reached_safely() {
    let url = "SEALKEEP_DATABASE_URL";
    for open in [
        "postgres://sealkeep_api:pw@db.example.com/sealkeep",
        "postgres://sealkeep_api:pw@db.example.com/sealkeep?sslmode=require",
        "postgres://sealkeep_api:pw@db.example.com/sealkeep?sslmode=verify-ca",
    ] {
        refused(&with(&[(url, open)]), &[url, "verify-full"]);
    }
    refused(&with(&[(url, "mysql//nonsense")]), &[url]);
    for safe in [
        "postgres://sealkeep_api:pw@db.example.com/sealkeep?sslmode=verify-full",
        "postgres://sealkeep_api:pw@localhost/sealkeep",
        "postgres://sealkeep_api:pw@localhost/sealkeep?host=/run/postgresql",
    ] {
        assert_eq!(check(&with(&[(url, safe)])).0, Some(0), "{safe}");
    }
}

#[test]
fn plain_http_leaves_the_machine_only_on_request() {
    let open = ["check-config", "--offline", "--listen", "0.0.0.0:8787"];
    let (code, said) = run(&complete(), &open);
    assert_eq!(code, Some(1));
    assert!(said.contains("--behind-proxy"), "{said}");
    let told = [open.as_slice(), &["--behind-proxy", "--trusted-proxy", "10.0.0.7"]].concat();
    assert_eq!(run(&complete(), &told).0, Some(0));
    let tls = [open.as_slice(), &["--tls-cert", "/absent.pem", "--tls-key", "/absent.key"]].concat();
    let (code, said) = run(&complete(), &tls);
    assert_eq!(code, Some(1));
    assert!(said.contains("/absent.pem"), "{said}");
}

#[test]
fn a_setting_can_come_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("master");
    let mut settings = complete();
    let value = settings.remove("SEALKEEP_MASTER_KEY").unwrap();
    std::fs::write(&file, format!("{value}\n")).unwrap();
    settings.insert("SEALKEEP_MASTER_KEY_FILE".into(), file.display().to_string());
    assert_eq!(check(&settings).0, Some(0));
    settings.insert("SEALKEEP_MASTER_KEY".into(), value);
    refused(&settings, &["SEALKEEP_MASTER_KEY_FILE", "both set"]);
    settings.remove("SEALKEEP_MASTER_KEY");
    std::fs::remove_file(&file).unwrap();
    refused(&settings, &["SEALKEEP_MASTER_KEY_FILE", "cannot be read"]);
}

#[test]
fn the_public_authority_is_a_host() {
    let name = "SEALKEEP_PUBLIC_AUTHORITY";
    for bad in
        ["https://api.example.com", "api.example.com/path", "user@api.example.com", "API.example.com", "a b"]
    {
        refused(&with(&[(name, bad)]), &[name]);
    }
    for good in ["api.example.com", "api.example.com:8443", "127.0.0.1:8787", "[::1]:8787"] {
        assert_eq!(check(&with(&[(name, good)])).0, Some(0), "{good}");
    }
}

#[test]
fn an_unreachable_database_ends_the_start() {
    let (code, said) = run(&complete(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("the database cannot be reached"), "{said}");
    let mut owner = complete();
    owner.insert(
        "SEALKEEP_OWNER_DATABASE_URL".into(),
        "postgres://sealkeep_owner:pw@127.0.0.1:1/sealkeep".into(),
    );
    assert_eq!(run(&owner, &["migrate"]).0, Some(1));
    let (code, said) = run(&complete(), &["migrate"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("SEALKEEP_OWNER_DATABASE_URL is missing"), "{said}");
}

#[test]
fn wrong_usage_is_two() {
    assert_eq!(run(&complete(), &["no-such-command"]).0, Some(2));
    assert_eq!(run(&complete(), &[]).0, Some(2));
}

#[test]
fn generated_secrets_are_fresh_and_complete() {
    let (code, first) = run(&Settings::new(), &["generate-secrets"]);
    assert_eq!(code, Some(0));
    assert_eq!(first.lines().count(), 4);
    assert_ne!(first, run(&Settings::new(), &["generate-secrets"]).1);
}

/// All callers share one limit only if the operator said so.
#[test]
fn a_proxy_in_front_is_described() {
    let settings = complete();
    let check = |args: &[&str]| {
        let all: Vec<&str> = ["check-config", "--offline"].iter().chain(args).copied().collect();
        run(&settings, &all)
    };
    let said = |args: &[&str], words: &[&str]| {
        let (code, said) = check(args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?}: {word:?} is not in {said:?}");
        }
    };
    let world = ["--behind-proxy", "--listen", "0.0.0.0:8443"];
    let (code, sentence) = check(&world);
    assert_eq!(code, Some(1), "{sentence}");
    assert!(sentence.contains("--trusted-proxy") && sentence.contains("--one-network"), "{sentence}");
    said(&["--behind-proxy"], &["x-forwarded-for", "127.0.0.0/8"]);
    said(
        &[&world[..], &["--trusted-proxy", "10.0.0.7", "--trusted-proxy", "2001:db8::/32"]].concat(),
        &["x-forwarded-for", "10.0.0.7/32, 2001:db8::/32"],
    );
    said(
        &[&world[..], &["--trusted-proxy", "10.0.0.0/8", "--client-ip-header", "forwarded"]].concat(),
        &["by forwarded"],
    );
    said(&[&world[..], &["--one-network"]].concat(), &["not identified"]);
    for wrong in [
        &["--trusted-proxy", "10.0.0.0/8"][..],
        &["--one-network"],
        &["--behind-proxy", "--trusted-proxy", "10.0.0.0/99"],
        &["--behind-proxy", "--one-network", "--client-ip-header", "x-forwarded-for"],
    ] {
        assert_eq!(check(wrong).0, Some(2), "{wrong:?}");
    }
}
