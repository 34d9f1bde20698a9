//! Transactions before sign-in, as `sealkeep_auth`: for the few tables whose policies name that role.

use api_types::{AccountId, VaultId};
use sqlx::{PgConnection, Postgres, Transaction};

use super::{Db, tenant_tx::set_scope};

/// A transaction as `sealkeep_auth`. Dropping it without [`PreAuthTx::commit`] rolls it back.
pub(crate) struct PreAuthTx(Transaction<'static, Postgres>);

impl PreAuthTx {
    /// Begins without an account.
    pub(crate) async fn begin(db: &Db) -> Result<Self, sqlx::Error> {
        let mut tx = db.pool.begin().await?;
        sqlx::query("SET LOCAL ROLE sealkeep_auth").execute(&mut *tx).await?;
        Ok(Self(tx))
    }

    /// Makes the account's rows visible from here on, and the vault's audit trail if the account is a member.
    pub(crate) async fn set_account(
        &mut self,
        account: AccountId,
        vault: Option<VaultId>,
    ) -> Result<(), sqlx::Error> {
        set_scope(&mut self.0, account, vault, None).await
    }

    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.0.commit().await
    }
}
