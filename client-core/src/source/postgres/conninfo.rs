//! Parses libpq's two connection formats the way libpq does: URLs and `key=value` pairs. Writes values into both.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::{source::SourceError, text, text::Text};

/// May contain any byte but NUL, and may be a secret.
pub(super) type Value = Zeroizing<Vec<u8>>;
/// Names and values, in their order.
pub(super) type Pairs = Vec<(String, Value)>;

fn encode() -> Text {
    text!(
        "write `/`, `?`, `#`, `@`, `:` and `%` in a user name or password percent-encoded: %2F, %3F, %23, %40, %3A and %25"
    )
}

/// Whether this text names a database rather than a file.
pub(super) fn is_connection(text: &str) -> bool {
    after_scheme(text).is_some()
        || (text.contains('=') && !text.starts_with(['/', '.', '~']) && pairs(text).is_ok())
}

/// # Errors
/// [`SourceError::Usage`], without quoting the text, which may contain a password.
pub(super) fn parse(text: &str) -> Result<Pairs, SourceError> {
    match after_scheme(text) {
        Some(rest) => url(rest),
        None if text.contains('=') => pairs(text),
        None => Err(usage(text!("a database is named as postgres://user@host:port/database"))),
    }
}

pub(super) fn after_scheme(text: &str) -> Option<&str> {
    ["postgresql://", "postgres://"].into_iter().find_map(|scheme| {
        let (front, rest) = text.split_at_checked(scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

fn url(text: &str) -> Result<Pairs, SourceError> {
    let (rest, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    // An unencoded delimiter has cut the password short.
    let cut = !authority.contains('@') && text.get(authority.len()..).is_some_and(|rest| rest.contains('@'));
    let hint = |error: SourceError| if cut { usage(encode()) } else { error };
    if cut && database.contains('/') {
        return Err(usage(encode()));
    }
    let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let (host, port) = split_hosts(hosts).map_err(hint)?;
    let mut pairs = Pairs::new();
    for (name, value) in [
        ("host", host.as_str()),
        ("port", &port),
        ("user", user),
        ("password", password),
        ("dbname", database),
    ] {
        pairs.push((name.to_owned(), decode(value)?));
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| hint(usage(text!("a URL parameter has no value"))))?;
        if value.contains('=') && !name.is_empty() {
            return Err(hint(usage(text!("write a `=` in the value of a URL parameter as %3D"))));
        }
        let name = String::from_utf8_lossy(&decode(name)?).into_owned();
        if super::parameters::find(&name).is_none() && name != "ssl" && cut {
            return Err(usage(encode()));
        }
        // As in JDBC, and in libpq's URLs.
        match (name.as_str(), value) {
            ("ssl", "true") => pairs.push(("sslmode".to_owned(), decode("require")?)),
            _ => pairs.push((name, decode(value)?)),
        }
    }
    Ok(pairs)
}

/// `a:1,[::1]:2` → hosts `a,::1`, ports `1,2`, as libpq wants lists.
fn split_hosts(hosts: &str) -> Result<(String, String), SourceError> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => {
                let (name, after) =
                    rest.split_once(']').ok_or_else(|| usage(text!("an IPv6 address lacks its `]`")))?;
                (name, after.strip_prefix(':').unwrap_or(after))
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        if !port.is_empty() && port.parse::<u16>().map_or(true, |port| port == 0) {
            return Err(usage(text!("the port is not a number from 1 to 65535")));
        }
        names.push(name);
        ports.push(port);
    }
    let join = |list: Vec<&str>| {
        if list.iter().all(|item| item.is_empty()) { String::new() } else { list.join(",") }
    };
    Ok((join(names), join(ports)))
}

fn decode(text: &str) -> Result<Value, SourceError> {
    let bad = || usage(text!("the URL has a wrong percent-encoding; {encode}", encode = encode()));
    let mut bytes = Value::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().ok_or_else(bad)?, rest.next().ok_or_else(bad)?];
            let mut value = [0];
            hex::decode_to_slice(digits, &mut value).map_err(|_| bad())?;
            bytes.extend(value);
        } else {
            bytes.push(byte);
        }
    }
    if bytes.contains(&0) { Err(bad()) } else { Ok(bytes) }
}

/// A value as a URL can hold it anywhere.
pub(super) fn in_url(value: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 3));
    let escape = |bytes: &[u8], text: &mut String| {
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    };
    for part in value.utf8_chunks() {
        for character in part.valid().chars() {
            if character.is_alphanumeric() || "-._~".contains(character) {
                text.push(character);
            } else {
                escape(character.encode_utf8(&mut [0; 4]).as_bytes(), &mut text);
            }
        }
        escape(part.invalid(), &mut text);
    }
    text
}

/// A value as a pair can hold it.
pub(super) fn in_pair(value: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 2 + 2));
    text.push('\'');
    for character in value.chars() {
        if matches!(character, '\\' | '\'') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('\'');
    text
}

/// `host=db1 password='it\'s'`
fn pairs(text: &str) -> Result<Pairs, SourceError> {
    let mut found = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| usage(text!("a connection parameter has no `=` and value")))?;
        let name = name.trim_end();
        // Something else entirely, which may contain a password: do not quote it.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(usage(text!(
                "a database is named as postgres://user@host:port/database or host=… dbname=…"
            )));
        }
        let after = after.trim_start();
        let quoted = after.strip_prefix('\'');
        let (mut value, mut ended) = (Value::default(), quoted.is_none());
        let from = quoted.unwrap_or(after);
        let mut at = from.len();
        let mut characters = from.char_indices();
        while let Some((index, character)) = characters.next() {
            let character = match character {
                '\'' if quoted.is_some() => {
                    (at, ended) = (index + 1, true);
                    break;
                }
                space if quoted.is_none() && space.is_ascii_whitespace() => {
                    at = index;
                    break;
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) => escaped,
                    None => break,
                },
                other => other,
            };
            value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        if !ended {
            return Err(usage(text!("a quoted value in the connection parameters lacks its closing `'`")));
        }
        found.push((name.to_owned(), value));
        rest = from.get(at..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

pub(super) const fn usage(text: Text) -> SourceError {
    SourceError::Usage(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let text_of = |value: &Value| String::from_utf8_lossy(value).into_owned();
        let pairs = parse(text).unwrap();
        pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| (n.clone(), text_of(v))).collect()
    }

    #[test]
    fn pairs_are_read_as_libpq_reads_them() {
        let expected = [("host", "a b"), ("password", "it's \\"), ("dbname", "x")];
        let expected: Vec<_> = expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        assert_eq!(read(r" host = 'a b' password='it\'s \\'dbname=x "), expected);
        assert_eq!(read(r"host=a\ b password=it\'s\ \\ dbname= x"), expected);
        for bad in ["host", "host='x", "a b=c", "=x", "mysql://u:pw@h/d?a=b"] {
            assert!(pairs(bad).is_err(), "{bad}");
        }
        assert!(is_connection("host=x") && is_connection("PostgreSQL://x") && is_connection("service=shop"));
        assert!(!is_connection("/srv/a=b.dump") && !is_connection("./a=b") && !is_connection("dump.sql"));
    }

    proptest! {
        #[test]
        fn a_value_comes_back_from_both_formats(
            bytes in prop::collection::vec(1_u8..=255, 1..20), text in "[^\0]{1,20}"
        ) {
            let value = |connection: &str| parse(connection).unwrap().pop().unwrap().1;
            prop_assert_eq!(value(&format!("postgres:///?password={}", in_url(&bytes).as_str())).to_vec(), bytes);
            prop_assert_eq!(value(&format!("password={}", in_pair(&text).as_str())).to_vec(), text.into_bytes());
        }
    }

    #[test]
    fn what_cuts_a_password_is_named() {
        for cut in [
            "postgres://u:se/cret@h/d",
            "postgres://u:se?cret@h/d",
            "postgres://u:se?cr=et@h/d",
            "postgres://u:5/cret@h/d",
            "postgres://u:se#/cret@h:5432/d",
        ] {
            let error = parse(cut).unwrap_err().to_string();
            assert!(error.contains("percent-encoded") && !error.contains("cret"), "{cut}: {error}");
        }
        assert_eq!(read("POSTGRES://u:a#b@h/d")[2].1, "a#b");
        assert_eq!(read("postgres:///a@b")[0].1, "a@b");
    }
}
