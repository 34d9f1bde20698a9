//! Where a dump came from: what the source is by itself, however it was spelled, and the properties of a database
//! that no dump of its contents carries. Both stand in the sealed body of a snapshot.

use serde::{Deserialize, Serialize};

/// What a source was when it was backed up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Which database, for a source that is one and whose server could be asked.
    pub database: Option<DatabaseIdentity>,
    /// What a new database must be given to be like it; `None` when the server could not be asked.
    pub properties: Option<DatabaseProperties>,
    /// The absolute path, for a source that is a file.
    pub path: Option<String>,
    /// Somebody confirmed that this source carries on the one that had the name before.
    pub carries_on: bool,
}

/// Tells one PostgreSQL database from another. What could not be read is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseIdentity {
    /// Made by `initdb`, as the signed number that SQL shows; kept by every base backup, clone and standby.
    pub system_identifier: Option<i64>,
    /// The database's number in its cluster.
    pub oid: u32,
    /// Its name. Bytes that are not UTF-8 stand as `\xNN`.
    pub name: String,
    /// The address that the server was reached at; `None` on a socket.
    pub address: Option<String>,
    /// The port that it was reached at; `None` on a socket.
    pub port: Option<u16>,
    /// When the server was started, microseconds since 1970.
    pub started: Option<i64>,
    /// Where its files lie.
    pub data_directory: Option<String>,
}

/// What two identities say about their databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// One database of one running server.
    Same,
    /// The same identifiers, but another address, start or data directory: a base backup, a clone or a promoted
    /// standby looks like this, and so does the same server after a restart.
    MayBeCopy,
    /// Two databases.
    Different,
    /// The servers said too little.
    Unknown,
}

impl DatabaseIdentity {
    /// Compares what both know. [`Kinship::Same`] needs everything that is known on both sides to be equal, and the
    /// server's start or its address among it.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Kinship {
        match (self.system_identifier, other.system_identifier) {
            (Some(one), Some(two)) if one != two => return Kinship::Different,
            (Some(_), Some(_)) => {}
            // Without the identifier, one running server is still known by its start and address.
            _ if self.is_same_server(other) => {}
            _ => return Kinship::Unknown,
        }
        if self.oid != other.oid {
            Kinship::Different
        } else if self.is_same_server(other) {
            Kinship::Same
        } else {
            Kinship::MayBeCopy
        }
    }

    /// Both were read from one running server. A start time is exact to the microsecond, so that two servers do not
    /// share it. Where only one connection came through a socket, the address says nothing.
    #[must_use]
    pub fn is_same_server(&self, other: &Self) -> bool {
        let started = self.started.zip(other.started);
        // Several addresses lead to one server: they decide only when the start is not known.
        let here = match started {
            Some((one, two)) => one == two,
            None => self.address.is_some() && self.address == other.address && self.port == other.port,
        };
        here && self.may_share_directory(other)
    }

    /// Not known to lie in two directories.
    #[must_use]
    pub fn may_share_directory(&self, other: &Self) -> bool {
        self.data_directory.as_ref().zip(other.data_directory.as_ref()).is_none_or(|(one, two)| one == two)
    }

    /// The same database, or one made anew under its name in the same cluster.
    #[must_use]
    pub fn is_same_name_in_cluster(&self, other: &Self) -> bool {
        self.system_identifier.is_some()
            && self.system_identifier == other.system_identifier
            && (self.name == other.name || self.oid == other.oid)
    }
}

/// What makes a database besides its contents. A dump of one database carries little of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseProperties {
    /// `UTF8`
    pub encoding: String,
    /// `LC_COLLATE`
    pub collate: String,
    /// `LC_CTYPE`
    pub ctype: String,
    /// Who sorts and compares text.
    pub provider: Provider,
    /// Locale of ICU or of the builtin provider.
    pub locale: Option<String>,
    /// Additional rules of ICU.
    pub icu_rules: Option<String>,
    /// Version of the collation that indexes were built with.
    pub collation_version: Option<String>,
    /// Role that owns it.
    pub owner: String,
    /// `COMMENT ON DATABASE`
    pub comment: Option<String>,
    /// Sessions at a time; -1: as many as the server takes.
    pub connection_limit: i32,
    /// Where new tables go.
    pub tablespace: String,
    /// Whether everybody who may create databases may copy it.
    pub is_template: bool,
    /// `ALTER DATABASE … SET`: name and value.
    pub settings: Vec<(String, String)>,
    /// `ALTER ROLE … IN DATABASE … SET`: role, name and value.
    pub role_settings: Vec<(String, String, String)>,
    /// Rights on the database itself; `None`: those that every new database has.
    pub grants: Option<Vec<Grant>>,
}

/// One right on a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose; `None`: everybody's.
    pub role: Option<String>,
    /// What it allows.
    pub privilege: Privilege,
    /// Whether it may be passed on.
    pub grantable: bool,
}

/// Rights that there are on a database. They become SQL without quotes, so that nothing else is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Privilege {
    /// To connect.
    Connect,
    /// To create schemas.
    Create,
    /// To create temporary tables.
    Temporary,
}

impl Privilege {
    /// As SQL writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Create => "CREATE",
            Self::Temporary => "TEMPORARY",
        }
    }
}

/// Providers of collations. Like [`Privilege`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The operating system.
    Libc,
    /// ICU.
    Icu,
    /// PostgreSQL itself.
    Builtin,
}

impl Provider {
    /// As `CREATE DATABASE` takes it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Libc, Self::Icu, Self::Builtin].into_iter().find(|p| p.as_str().eq_ignore_ascii_case(name))
    }

    /// As SQL writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Libc => "libc",
            Self::Icu => "icu",
            Self::Builtin => "builtin",
        }
    }
}

type IdentityWire = (Option<i64>, u32, String, Option<String>, Option<u16>, Option<i64>, Option<String>);
type GrantWire = (Option<String>, Privilege, bool);

#[derive(Serialize, Deserialize)]
pub(super) struct PropertiesWire(
    String,
    String,
    String,
    Provider,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    i32,
    String,
    bool,
    Vec<(String, String)>,
    Vec<(String, String, String)>,
    Option<Vec<GrantWire>>,
);

/// As it stands in a snapshot's body.
#[derive(Serialize, Deserialize)]
pub(super) struct OriginWire(Option<IdentityWire>, Option<PropertiesWire>, Option<String>, bool);

impl From<&Origin> for OriginWire {
    fn from(origin: &Origin) -> Self {
        let Origin { database, properties, path, carries_on } = origin.clone();
        let database = database.map(
            |DatabaseIdentity { system_identifier, oid, name, address, port, started, data_directory }| {
                (system_identifier, oid, name, address, port, started, data_directory)
            },
        );
        Self(database, properties.map(PropertiesWire::from), path, carries_on)
    }
}

impl From<OriginWire> for Origin {
    fn from(OriginWire(database, properties, path, carries_on): OriginWire) -> Self {
        let database =
            database.map(|(system_identifier, oid, name, address, port, started, data_directory)| {
                DatabaseIdentity { system_identifier, oid, name, address, port, started, data_directory }
            });
        Self { database, properties: properties.map(DatabaseProperties::from), path, carries_on }
    }
}

impl From<DatabaseProperties> for PropertiesWire {
    fn from(properties: DatabaseProperties) -> Self {
        let DatabaseProperties {
            encoding,
            collate,
            ctype,
            provider,
            locale,
            icu_rules,
            collation_version,
            owner,
            comment,
            connection_limit,
            tablespace,
            is_template,
            settings,
            role_settings,
            grants,
        } = properties;
        let grants = grants.map(|grants| {
            grants
                .into_iter()
                .map(|Grant { role, privilege, grantable }| (role, privilege, grantable))
                .collect()
        });
        Self(
            encoding,
            collate,
            ctype,
            provider,
            locale,
            icu_rules,
            collation_version,
            owner,
            comment,
            connection_limit,
            tablespace,
            is_template,
            settings,
            role_settings,
            grants,
        )
    }
}

impl From<PropertiesWire> for DatabaseProperties {
    fn from(wire: PropertiesWire) -> Self {
        let PropertiesWire(
            encoding,
            collate,
            ctype,
            provider,
            locale,
            icu_rules,
            collation_version,
            owner,
            comment,
            connection_limit,
            tablespace,
            is_template,
            settings,
            role_settings,
            grants,
        ) = wire;
        let grants = grants.map(|grants| {
            grants
                .into_iter()
                .map(|(role, privilege, grantable)| Grant { role, privilege, grantable })
                .collect()
        });
        Self {
            encoding,
            collate,
            ctype,
            provider,
            locale,
            icu_rules,
            collation_version,
            owner,
            comment,
            connection_limit,
            tablespace,
            is_template,
            settings,
            role_settings,
            grants,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> DatabaseIdentity {
        DatabaseIdentity {
            system_identifier: Some(7),
            oid: 16384,
            name: "shop".into(),
            address: Some("10.0.0.1".into()),
            port: Some(5432),
            started: Some(1_790_000_000_000_000),
            data_directory: Some("/srv/pg".into()),
        }
    }

    #[test]
    fn two_databases_are_told_apart_by_what_they_are() {
        let one = identity();
        let with = |change: fn(&mut DatabaseIdentity)| {
            let mut other = identity();
            change(&mut other);
            assert_eq!(one.compare(&other), other.compare(&one));
            one.compare(&other)
        };
        assert_eq!(with(|_| {}), Kinship::Same);
        // Another spelling, another way in: a socket, another address of the host.
        assert_eq!(with(|o| (o.address, o.port) = (None, None)), Kinship::Same);
        assert_eq!(with(|o| o.address = Some("127.0.0.1".into())), Kinship::Same);
        assert_eq!(with(|o| o.data_directory = None), Kinship::Same);
        assert_eq!(with(|o| o.name = "renamed".into()), Kinship::Same);
        // A copy, or a restart.
        assert_eq!(with(|o| o.started = Some(1)), Kinship::MayBeCopy);
        assert_eq!(with(|o| o.data_directory = Some("/srv/copy".into())), Kinship::MayBeCopy);
        assert_eq!(with(|o| (o.started, o.address) = (None, None)), Kinship::MayBeCopy);
        // Others.
        assert_eq!(with(|o| o.oid = 1), Kinship::Different);
        assert_eq!(with(|o| o.system_identifier = Some(8)), Kinship::Different);
        // A server that keeps its identifier to itself.
        assert_eq!(with(|o| o.system_identifier = None), Kinship::Same);
        assert_eq!(with(|o| (o.system_identifier, o.started) = (None, Some(1))), Kinship::Unknown);
        assert_eq!(with(|o| (o.system_identifier, o.oid) = (None, 1)), Kinship::Different);
    }

    #[test]
    fn a_database_made_anew_under_its_name_is_known_by_its_cluster() {
        let anew = DatabaseIdentity { oid: 20000, ..identity() };
        assert!(identity().is_same_name_in_cluster(&anew));
        assert!(
            !identity().is_same_name_in_cluster(&DatabaseIdentity { name: "other".into(), ..anew.clone() })
        );
        assert!(
            !identity().is_same_name_in_cluster(&DatabaseIdentity { system_identifier: Some(8), ..anew })
        );
    }

    #[test]
    fn only_rights_and_providers_that_exist_are_read() {
        fn reads<T: serde::de::DeserializeOwned>(text: &str) -> bool {
            let mut bytes = Vec::new();
            ciborium::into_writer(text, &mut bytes).is_ok()
                && ciborium::from_reader::<T, _>(bytes.as_slice()).is_ok()
        }
        for privilege in [Privilege::Connect, Privilege::Create, Privilege::Temporary] {
            assert!(reads::<Privilege>(privilege.as_str()));
        }
        for provider in [Provider::Libc, Provider::Icu, Provider::Builtin] {
            assert!(reads::<Provider>(provider.as_str()));
        }
        for hostile in ["CONNECT\n\\! id\n", "connect", "ALL", "libc;", "icu\n\\! id", ""] {
            assert!(!reads::<Privilege>(hostile) && !reads::<Provider>(hostile), "{hostile}");
        }
    }
}
