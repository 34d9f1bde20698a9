//! The known dump formats.

/// The format of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `pg_dump -Fc`
    PgCustom,
    /// `pg_dump -Fc` from a newer version than this program supports.
    PgCustomNewer,
    /// `pg_dump`, plain SQL.
    PgPlain,
    /// `pg_dump -Ft`
    PgTar,
    /// `pg_dumpall`
    PgCluster,
    /// `mysqldump` or `mariadb-dump`
    MySql,
    /// `mysqldump --xml`
    MySqlXml,
    /// `mysqlpump`
    MySqlPump,
    /// `sqlite3 … .dump`
    SqliteSql,
    /// `mongodump --archive`
    Mongo,
    /// A Redis or Valkey dump file.
    Redis,
    /// Any other tar archive.
    Tar,
    /// A zip archive.
    Zip,
    /// A 7z archive.
    SevenZip,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by zstd.
    Zstd,
    /// Compressed by lz4.
    Lz4,
    /// Compressed by lz4 in its old form, which has no end mark.
    Lz4Legacy,
    /// Compressed by xz.
    Xz,
    /// Compressed by bzip2.
    Bzip2,
    /// A SQLite database file.
    Sqlite,
    /// Recognized by its beginning, under this name; nothing here can check whether it is complete.
    Unchecked(&'static str),
    /// Anything else.
    Unknown,
}

impl Format {
    /// For display and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PgCustom | Self::PgCustomNewer => "pg_dump custom format",
            Self::PgPlain => "pg_dump SQL",
            Self::PgTar => "pg_dump tar format",
            Self::PgCluster => "pg_dumpall SQL",
            Self::MySql => "mysqldump SQL",
            Self::MySqlXml => "mysqldump XML",
            Self::MySqlPump => "mysqlpump SQL",
            Self::SqliteSql => "SQLite SQL",
            Self::Mongo => "mongodump archive",
            Self::Redis => "Redis dump",
            Self::Tar => "tar",
            Self::Zip => "zip",
            Self::SevenZip => "7z",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 | Self::Lz4Legacy => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Sqlite => "SQLite",
            Self::Unchecked(name) => name,
            Self::Unknown => UNKNOWN,
        }
    }

    /// Whether the format itself marks its end.
    #[must_use]
    pub const fn has_end(self) -> bool {
        !matches!(self, Self::Unknown | Self::PgCustomNewer | Self::Lz4Legacy | Self::Unchecked(_))
    }
}

/// Name of [`Format::Unknown`].
pub const UNKNOWN: &str = "unknown format";
