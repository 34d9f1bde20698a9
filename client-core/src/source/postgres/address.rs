//! An address in parts, for a form; and the secrets of one address in another.

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    conninfo::{self, Pairs, Value},
    parameters::SECRET,
};
use crate::source::{AddressParts, SourceError};

/// Where a connection leads, and as whom.
const SERVER: [&str; 6] = ["host", "hostaddr", "port", "user", "service", "servicefile"];
const DEFAULT_PORT: &[u8] = b"5432";

/// As written, without what service files and variables add. `None` if a value is not text.
pub(super) fn parts(text: &str) -> Option<AddressParts> {
    let pairs = conninfo::parse(text).ok()?;
    let field = |name: &str| {
        value(&pairs, name).map_or(Some(String::new()), |value| String::from_utf8(value.to_vec()).ok())
    };
    let shown = |name: &str| matches!(name, "host" | "port" | "user" | "dbname" | "sslmode");
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in &pairs {
        if !shown(name) && !SECRET.contains(&name.as_str()) && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let more = names
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", conninfo::in_url(value(&pairs, name)?).as_str())));
    Some(AddressParts {
        more: more.collect::<Vec<_>>().join("&"),
        host: field("host")?,
        port: field("port")?,
        user: field("user")?,
        database: field("dbname")?,
        tls: field("sslmode")?,
        password: value(&pairs, "password").is_some(),
    })
}

/// `text`, completed by the secrets of `stored`; `None` if it needs none, or leads to another server or user.
pub(super) fn with_secrets_of(text: &str, stored: &str) -> Result<Option<SecretString>, SourceError> {
    let (given, kept) = (conninfo::parse(text)?, conninfo::parse(stored)?);
    if SERVER.into_iter().any(|name| server(&given, name) != server(&kept, name)) {
        return Ok(None);
    }
    let mut whole = Zeroizing::new(text.to_owned());
    let is_url = conninfo::after_scheme(text).is_some();
    for name in SECRET {
        let Some(value) = value(&kept, name).filter(|_| value(&given, name).is_none()) else { continue };
        if is_url {
            let separator = if whole.contains('?') { "&" } else { "?" };
            whole = joined(&[&whole, separator, name, "=", &conninfo::in_url(value)]);
        } else if let Ok(value) = std::str::from_utf8(value) {
            // In front: a backslash at the end would belong to what follows.
            whole = joined(&[name, "=", &conninfo::in_pair(value), " ", &whole]);
        }
    }
    Ok((whole.as_str() != text).then(|| SecretString::from(whole.as_str())))
}

/// The values in an address that must never be shown.
pub(super) fn secrets(text: &str) -> Vec<SecretString> {
    let pairs = conninfo::parse(text).unwrap_or_default();
    let secret = pairs.iter().filter(|(name, value)| SECRET.contains(&name.as_str()) && !value.is_empty());
    secret.map(|(_, value)| SecretString::from(String::from_utf8_lossy(value).into_owned())).collect()
}

/// The parts as one text, of which no copy stays in memory.
fn joined(parts: &[&str]) -> Zeroizing<String> {
    let mut whole = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.iter().for_each(|part| whole.push_str(part));
    whole
}

/// Part of where a connection leads; the default port is none.
fn server<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a [u8]> {
    let given = value(pairs, name).map(|value| value.as_slice());
    given.filter(|value| name != "port" || *value != DEFAULT_PORT)
}

/// The value that counts: the last one that is not empty.
fn value<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a Value> {
    pairs.iter().rev().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn merged(text: &str, stored: &str) -> Option<String> {
        with_secrets_of(text, stored).unwrap().map(|whole| whole.expose_secret().to_owned())
    }

    fn found(text: &str, name: &str) -> Option<String> {
        let pairs = conninfo::parse(text).unwrap();
        value(&pairs, name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    #[test]
    fn parts_are_as_written_and_of_two_values_the_last_counts() {
        let of = |text: &str| parts(text).unwrap();
        let fields = |parts: AddressParts| {
            let AddressParts { host, port, user, database, tls, more, password } = parts;
            ([host, port, user, database, tls, more], password)
        };
        let (filled, password) =
            fields(of("host=/run/pg user='a b' dbname=x options='-c a=b' host=db2 ssl=1"));
        assert_eq!(filled, ["db2", "", "a b", "x", "", "options=-c%20a%3Db&ssl=1"]);
        assert!(!password);
        let (filled, password) = fields(of(
            "postgres://ada:hunter299@[::1]:5433,b/sh%20op?ssl=true&sslpassword=hunter298&dbname=",
        ));
        assert_eq!(filled, ["::1,b", "5433,", "ada", "sh op", "require", ""]);
        assert!(password, "only that there is one");
        // No field can hold this.
        assert!(parts("postgres://h/caf%E9").is_none() && parts("/d/shop.dump").is_none());
    }

    #[test]
    fn every_kind_of_secret_is_carried_over_and_none_is_replaced() {
        let stored = "postgres://ada:one@db1/shop?sslpassword=two&scram_client_key=three\
                      &scram_server_key=four&oauth_client_secret=five";
        let whole = merged("postgres://ada@db1/new?sslpassword=own", stored).unwrap();
        let values = SECRET.map(|name| found(&whole, name).unwrap());
        assert_eq!(values, ["one", "own", "three", "four", "five"]);
        assert_eq!(found(&whole, "dbname").as_deref(), Some("new"));
        assert_eq!(secrets(&whole).len(), SECRET.len());
        assert_eq!(merged(&whole, stored), None, "it lacks none");
        assert_eq!(merged("postgres://ada@db1/new", "postgres://ada@db1/shop"), None);
        assert!(secrets("postgres://ada:@db1/new").is_empty() && secrets("nonsense").is_empty());
    }

    #[test]
    fn a_secret_goes_to_no_other_server_however_it_is_written() {
        let stored = "host=db1 user=ada password=hunter299 dbname=shop";
        for elsewhere in [
            "host=db1 host=db2 user=ada",
            "host=db1 user=ada user=eve",
            "host=db1,db2 user=ada",
            "host=db1 user=ada port=5433",
            "host=db1 user=ada hostaddr=10.0.0.9",
            "host=db1 user=ada service=other",
            "host=db1 user=ada servicefile=/tmp/x",
            "user=ada",
            "host=DB1 user=ada",
            "postgres://ada@db1/shop?host=db2",
            "postgres://ada@db1/shop?user=eve",
            "postgres://db1/shop",
        ] {
            assert_eq!(merged(elsewhere, stored), None, "{elsewhere}");
        }
        for same in ["postgres://ada@db1:5432/x", "user=ada host=db2 host=db1", "host=db1 user=ada port="] {
            assert!(merged(same, stored).unwrap().contains("hunter299"), "{same}");
        }
        for wrong in ["postgres://ada@db1:0/x", "host='db1", ""] {
            assert!(
                !with_secrets_of(wrong, stored).unwrap_err().to_string().contains("hunter299"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_text_that_ends_oddly_does_not_swallow_the_secret() {
        let stored = "postgres://ada:it's%20a%5Csecret@db1/shop";
        for text in
            ["host=db1 user=ada dbname=x\\", "host=db1 user=ada dbname='x'", "host=db1 user=ada dbname="]
        {
            let whole = merged(text, stored).unwrap();
            assert_eq!(found(&whole, "password").as_deref(), Some("it's a\\secret"), "{text}");
            assert_eq!(found(&whole, "dbname"), found(text, "dbname"));
        }
        for text in
            ["postgres://ada@db1", "postgres://ada@db1/", "postgres://ada@db1/x?", "postgres://ada@db1?"]
        {
            let whole = merged(text, stored).unwrap();
            assert_eq!(found(&whole, "password").as_deref(), Some("it's a\\secret"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_password_survives_an_edit(password in "[^\0]{1,24}", is_url in any::<bool>()) {
            let encoded = conninfo::in_url(password.as_bytes());
            let stored = format!("postgres://ada@db1/shop?password={}", encoded.as_str());
            let text = if is_url { "postgres://ada@db1/new" } else { "host=db1 user=ada dbname=new" };
            let whole = merged(text, &stored).unwrap();
            prop_assert_eq!(found(&whole, "password"), Some(password));
            prop_assert_eq!(found(&whole, "dbname"), Some("new".to_owned()));
        }
    }
}
