//! Pages of a listing.

use api_types::ErrorCode;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiError;

/// Maximum rows per page.
const MAX_ROWS: u32 = 1000;

/// Rows per page: 1 to 1000, and 1000 if the query string has none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
pub struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(MAX_ROWS)
    }
}

impl TryFrom<u32> for Limit {
    type Error = &'static str;

    fn try_from(rows: u32) -> Result<Self, Self::Error> {
        if (1..=MAX_ROWS).contains(&rows) { Ok(Self(rows)) } else { Err("not 1 to 1000") }
    }
}

impl Limit {
    /// As a bound value for the database.
    #[must_use]
    pub fn rows(self) -> i64 {
        i64::from(self.0)
    }
}

/// A query string: `after` and `limit`, at most 1000.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The last one seen; the page begins after it.
    #[serde(default)]
    #[param(maximum = 9_223_372_036_854_775_807_i64)]
    pub after: u64,
    /// Maximum number of rows, 1 to 1000.
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 1000)]
    pub limit: Limit,
}

impl Page {
    /// `after` and `limit` as bound values for the database.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn bounds(self) -> Result<(i64, i64), ApiError> {
        let after = i64::try_from(self.after).map_err(|_| ErrorCode::InvalidRequest)?;
        Ok((after, self.limit.rows()))
    }
}
