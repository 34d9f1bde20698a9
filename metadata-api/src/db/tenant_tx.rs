//! A handler's only access to tenants' rows: a transaction scoped to account, vault and device, for a member of the
//! vault whose device the route admits.

use std::marker::PhantomData;

use api_types::{
    AccountId, DeviceId, ErrorCode, Region, VaultId,
    directory::DeviceRole,
    vault::{DeviceState, MemberRole},
};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::{Db, at, corrupt};
use crate::{
    domain::caller::{Caller, Right, Signed, Tenant},
    error::ApiError,
};

/// Which devices a route admits.
pub trait DeviceGate: Send + Sync + 'static {
    /// Admits the device, or refuses it with a code.
    ///
    /// # Errors
    /// The reason.
    fn admit(tenant: &Tenant) -> Result<(), ErrorCode>;
}

/// Devices in the vault's directory; the default.
#[derive(Debug, Clone, Copy)]
pub struct ActiveDevice;

/// Also devices that are waiting for their directory entry: for the recovery wrap, the directory, a vault's first keys.
/// Each route decides with [`Right`] what such a device may do.
#[derive(Debug, Clone, Copy)]
pub struct AnyDevice;

impl DeviceGate for ActiveDevice {
    fn admit(tenant: &Tenant) -> Result<(), ErrorCode> {
        match tenant.device_state {
            DeviceState::Active => Ok(()),
            DeviceState::Pending if !tenant.ready => Err(ErrorCode::VaultNotReady),
            DeviceState::Pending => Err(ErrorCode::DeviceNotApproved),
            DeviceState::Revoked => Err(ErrorCode::DeviceRevoked),
        }
    }
}

impl DeviceGate for AnyDevice {
    fn admit(tenant: &Tenant) -> Result<(), ErrorCode> {
        match tenant.device_state {
            DeviceState::Active | DeviceState::Pending => Ok(()),
            DeviceState::Revoked => Err(ErrorCode::DeviceRevoked),
        }
    }
}

/// A transaction in one vault. Dropping it without [`TenantTx::commit`] rolls it back.
///
/// As an extractor it reads `{vault}` from the path and requires the token and signature gates:
/// `async fn(mut tx: TenantTx, …, Body(body): Body<T>) -> Result<Json<R>, ApiError>`.
pub struct TenantTx<D: DeviceGate = ActiveDevice> {
    tx: Transaction<'static, Postgres>,
    caller: Caller<Tenant>,
    now: i64,
    gate: PhantomData<D>,
}

#[derive(sqlx::FromRow)]
struct Row {
    role: String,
    region: String,
    ready: bool,
    signing_root: Option<Vec<u8>>,
    device_state: Option<String>,
    device_role: Option<String>,
    seen_lately: bool,
}

impl<D: DeviceGate> TenantTx<D> {
    /// Begins, sets the scope, and only then checks membership: a non-member gets `not_found`, as for a missing vault.
    ///
    /// # Errors
    /// `not_found`, the gate's refusal, or the database's.
    pub async fn begin(db: &Db, caller: &Caller<Signed>, vault: VaultId, now: i64) -> Result<Self, ApiError> {
        let mut tx = db.pool.begin().await?;
        set_scope(&mut tx, caller.account, Some(vault), Some(caller.device)).await?;
        let row: Row = sqlx::query_as(
            "SELECT m.role, v.region, v.ready_at IS NOT NULL AS ready, v.signing_root,
                    d.state AS device_state, d.role AS device_role,
                    COALESCE(d.last_seen_at >= date_trunc('hour', $4::timestamptz), false) AS seen_lately
             FROM app.membership m JOIN app.vault v USING (vault_id)
             LEFT JOIN app.vault_device d
               ON d.vault_id = m.vault_id AND d.device_id = $3 AND d.account_id = m.account_id
             WHERE m.vault_id = $1 AND m.account_id = $2",
        )
        .bind(vault.0)
        .bind(caller.account.0)
        .bind(caller.device.0)
        .bind(at(now))
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(ErrorCode::NotFound)?;
        let tenant = Tenant {
            vault,
            vault_region: row.region.parse().map_err(|_| corrupt("vault.region"))?,
            member: member_role(&row.role).ok_or_else(|| corrupt("membership.role"))?,
            ready: row.ready,
            signing_root: row.signing_root,
            // Known to the account, but not to this vault: pending.
            device_state: row
                .device_state
                .as_deref()
                .map_or(Some(DeviceState::Pending), device_state)
                .ok_or_else(|| corrupt("vault_device.state"))?,
            device_role: row.device_role.as_deref().and_then(device_role),
        };
        D::admit(&tenant)?;
        if !row.seen_lately {
            sqlx::query(
                "UPDATE app.vault_device SET last_seen_at = date_trunc('hour', $3::timestamptz)
                 WHERE vault_id = $1 AND device_id = $2",
            )
            .bind(vault.0)
            .bind(caller.device.0)
            .bind(at(now))
            .execute(&mut *tx)
            .await?;
        }
        Ok(Self { tx, caller: caller.advance(tenant), now, gate: PhantomData })
    }

    /// For the query functions of `db/`.
    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// The caller and the vault.
    #[must_use]
    pub fn caller(&self) -> &Caller<Tenant> {
        &self.caller
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.caller.stage.vault
    }

    /// The vault's region, needed to reach its store.
    #[must_use]
    pub fn region(&self) -> Region {
        self.caller.stage.vault_region
    }

    /// The request's time, seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Requires that this member and device have the right.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require(&self, right: Right) -> Result<(), ApiError> {
        self.caller.stage.require(right).map_err(ApiError::from)
    }

    /// Commits.
    pub async fn commit(self) -> Result<(), ApiError> {
        Ok(self.tx.commit().await?)
    }
}

/// Sets the scope for row-level security. Always local: it ends with the transaction.
pub(crate) async fn set_scope(
    connection: &mut PgConnection,
    account: AccountId,
    vault: Option<VaultId>,
    device: Option<DeviceId>,
) -> Result<(), sqlx::Error> {
    let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    sqlx::query(
        "SELECT set_config('app.account_id', $1, true), set_config('app.vault_id', $2, true),
                set_config('app.device_id', $3, true)",
    )
    .bind(account.0.to_string())
    .bind(text(vault.map(|v| v.0)))
    .bind(text(device.map(|d| d.0)))
    .execute(connection)
    .await
    .map(drop)
}

pub(crate) fn member_role(text: &str) -> Option<MemberRole> {
    match text {
        "owner" => Some(MemberRole::Owner),
        "admin" => Some(MemberRole::Admin),
        "operator" => Some(MemberRole::Operator),
        "auditor" => Some(MemberRole::Auditor),
        _ => None,
    }
}

pub(crate) fn device_state(text: &str) -> Option<DeviceState> {
    match text {
        "pending" => Some(DeviceState::Pending),
        "active" => Some(DeviceState::Active),
        "revoked" => Some(DeviceState::Revoked),
        _ => None,
    }
}

pub(crate) fn device_role(text: &str) -> Option<DeviceRole> {
    match text {
        "full" => Some(DeviceRole::Full),
        "backup-only" => Some(DeviceRole::BackupOnly),
        _ => None,
    }
}

pub(crate) const fn device_role_text(role: DeviceRole) -> &'static str {
    match role {
        DeviceRole::Full => "full",
        DeviceRole::BackupOnly => "backup-only",
    }
}
