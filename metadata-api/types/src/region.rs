//! Storage regions.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::InvalidId;

/// Chosen at sign-up and immutable: the service cannot issue a URL for another region's bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// United States.
    Us,
    /// Canada.
    Ca,
    /// European Union.
    Eu,
}

impl Region {
    /// All regions; a deployment serves one or more of them.
    pub const ALL: [Self; 3] = [Self::Us, Self::Ca, Self::Eu];

    /// The form used in JSON, in token audiences and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Ca => "ca",
            Self::Eu => "eu",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Region {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or(InvalidId("region (us, ca or eu)"))
    }
}
