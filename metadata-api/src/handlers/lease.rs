//! The run that a request belongs to.

use api_types::{BackupId, ErrorCode};
use sqlx::PgConnection;

use crate::{
    auth::{Caller, Tenant},
    db::backup::{self, Backup, BackupState},
    error::ApiError,
};

/// The device's own run, locked. Another device's run is `forbidden`; that it exists is no secret.
pub(super) async fn own(
    conn: &mut PgConnection,
    caller: &Caller<Tenant>,
    id: BackupId,
) -> Result<Backup, ApiError> {
    let found = backup::lock(conn, caller.stage.vault, id).await?.ok_or(ErrorCode::NotFound)?;
    if found.device == caller.device { Ok(found) } else { Err(ErrorCode::Forbidden.into()) }
}

/// Refuses a run that has ended or whose lease has expired.
pub(super) fn open_lease(found: &Backup, now: i64) -> Result<(), ApiError> {
    match found.state {
        BackupState::Running { lease_expires_at } if lease_expires_at > now => Ok(()),
        BackupState::Running { .. } | BackupState::Committed(_) | BackupState::Failed => {
            Err(ErrorCode::BackupClosed.into())
        }
    }
}
