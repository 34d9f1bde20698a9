//! The address of a saved source: a connection string, which may contain a password, or a path.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    error::{Error, ErrorKind},
    source::{self, AddressParts, AnySource},
    text,
};

/// How to reach a saved source. It may contain a password.
#[derive(Clone)]
pub struct Address {
    kind: &'static str,
    text: SecretString,
}

impl Address {
    /// Parses what the user typed or chose.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let engine = source::engine_of(text).ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                text!("this is neither a connection string nor the full path of a file"),
                "nothing was saved",
                "a database is named as postgres://user:password@host:5432/database",
            )
        })?;
        engine.source(text)?;
        Ok(Self { kind: engine.kind(), text: text.to_owned().into() })
    }

    /// `None` for a kind that this build does not know.
    pub(super) fn stored(kind: &str, text: &str) -> Option<Self> {
        Some(Self { kind: source::engine(kind)?.kind(), text: SecretString::from(text) })
    }

    /// With the secrets that it lacks from another address, if both lead to the same server as the same user: a
    /// password is never sent elsewhere.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn with_secrets_of(self, other: &Self) -> Result<Self, Error> {
        if self.kind != other.kind {
            return Ok(self);
        }
        let engine = source::engine(self.kind).ok_or_else(|| Error::internal_text("the kind of a source"))?;
        let text = engine.with_secrets_of(self.text.expose_secret(), other.text.expose_secret())?;
        Ok(Self { kind: self.kind, text: text.unwrap_or(self.text) })
    }

    /// `postgres` or `file`, as in snapshots.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The source to back up.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for text that no longer names a source: a service file may have changed.
    pub fn source(&self) -> Result<AnySource, Error> {
        let engine =
            source::engine(self.kind).ok_or_else(|| Error::internal_text("the address of a source"))?;
        Ok(engine.source(self.text.expose_secret())?)
    }

    /// For a form, without secrets; `None` for a file, and for text that no form can hold.
    #[must_use]
    pub fn parts(&self) -> Option<AddressParts> {
        source::engine(self.kind)?.parts(self.text.expose_secret())
    }

    /// For display, without the password.
    #[must_use]
    pub fn shown(&self) -> String {
        self.source().map_or_else(|_| String::new(), |source| source.address())
    }

    /// As in snapshots: `host:port/database`, or a path.
    pub(super) fn place(&self) -> String {
        self.source().map_or_else(|_| String::new(), |source| source.place())
    }

    /// The password and the like in it.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        source::engine(self.kind).map_or_else(Vec::new, |engine| engine.secrets(self.text.expose_secret()))
    }

    /// With its password.
    pub(super) fn exposed(&self) -> &str {
        self.text.expose_secret()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "mysql://x", "dump.sql", "postgres://h:99999/x"] {
            assert_eq!(Address::parse(text).err().unwrap().kind(), ErrorKind::Usage, "{text}");
        }
    }

    #[test]
    fn a_form_gets_the_parts_and_no_secret() {
        let text =
            "postgres://ada:hunter299@db1:5433/shop?sslmode=verify-full&sslrootcert=/c%26a&sslpassword=x";
        let parts = Address::parse(text).unwrap().parts().unwrap();
        let AddressParts { host, port, user, database, tls, more, password } = parts;
        assert_eq!([host, port, user, database, tls], ["db1", "5433", "ada", "shop", "verify-full"]);
        assert_eq!((more.as_str(), password), ("sslrootcert=%2Fc%26a", true));
        assert!(Address::parse("/var/dumps/shop.dump").unwrap().parts().is_none());
    }

    #[test]
    fn a_password_stays_with_its_server_and_user() {
        let stored = Address::parse("postgres://ada:p%40ss@db1/shop?sslmode=require").unwrap();
        for (typed, expected) in [
            ("postgres://ada@db1:5432/shop", "postgres://ada@db1:5432/shop?password=p%40ss"),
            (
                "postgres://ada@db1/new?sslmode=prefer",
                "postgres://ada@db1/new?sslmode=prefer&password=p%40ss",
            ),
            ("postgres://ada:neu@db1/shop", "postgres://ada:neu@db1/shop"),
            ("postgres://ada@db2/shop", "postgres://ada@db2/shop"),
            ("postgres://ada@db1/shop?hostaddr=10.0.0.9", "postgres://ada@db1/shop?hostaddr=10.0.0.9"),
            ("postgres://ada@db1:5433/shop", "postgres://ada@db1:5433/shop"),
            ("postgres://eve@db1/shop", "postgres://eve@db1/shop"),
            ("host=db1 user=ada dbname=shop", "password='p@ss' host=db1 user=ada dbname=shop"),
            ("/var/dumps/shop.dump", "/var/dumps/shop.dump"),
        ] {
            let merged = Address::parse(typed).unwrap().with_secrets_of(&stored).unwrap();
            assert_eq!(merged.exposed(), expected);
        }
    }

    #[test]
    fn an_address_says_how_it_is_shown_where_it_is_and_what_nobody_may_see() {
        let address = Address::parse("  postgres://ada:hunter299@db1/shop?sslpassword=hunter298\n").unwrap();
        assert_eq!(address.exposed(), "postgres://ada:hunter299@db1/shop?sslpassword=hunter298");
        assert_eq!((address.kind(), address.place().as_str()), ("postgres", "db1:5432/shop"));
        assert_eq!(address.shown(), "postgres://ada@db1:5432/shop");
        let secrets: Vec<String> =
            address.secrets().iter().map(|secret| secret.expose_secret().to_owned()).collect();
        assert_eq!(secrets, ["hunter299", "hunter298"]);
        let file = Address::parse("/var/my dumps/50%.sql").unwrap();
        assert_eq!((file.kind(), file.place().as_str()), ("file", "/var/my dumps/50%.sql"));
        assert!(file.secrets().is_empty());
    }

    #[test]
    fn a_refusal_repeats_nothing_that_may_be_a_secret() {
        for text in [
            "hunter299",
            "mysql://ada:hunter299@h/x",
            "postgres://ada:hunter299@h:0/x",
            "postgres://ada:hunter299%@h/x",
            "host=h password='hunter299",
            "./hunter299.sql",
        ] {
            let error = Address::parse(text).err().unwrap();
            let said = format!("{} {} {}", error.happened(), error.meaning(), error.next_step());
            assert!(error.kind() == ErrorKind::Usage && !said.contains("hunter299"), "{text}: {said}");
        }
        assert!(Address::stored("oracle", "x").is_none());
        // What is stored may have become invalid since: it is shown as nothing, and used for nothing.
        let stored = Address::stored("postgres", "postgres://ada:hunter299@h:0/x").unwrap();
        assert_eq!((stored.shown(), stored.place(), stored.parts()), (String::new(), String::new(), None));
        assert_eq!(stored.source().unwrap_err().kind(), ErrorKind::Usage);
        assert!(stored.secrets().is_empty());
    }
}
