//! The single OPAQUE configuration that both ends use (RFC 9807): 3DH over ristretto255 with SHA-512, and Argon2id for
//! key stretching. The service never sees a password, not even at sign-up.

use opaque_ke::{
    CipherSuite, Identifiers, Ristretto255, TripleDh,
    argon2::{Algorithm, Argon2, Params, Version},
};

use crate::{AccountId, Region};

/// OPAQUE-3DH, ristretto255, SHA-512, Argon2id.
#[derive(Debug, Clone, Copy)]
pub struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2_for_opaque::Sha512>;
    type Ksf = Argon2<'static>;
}

/// Argon2id memory, KiB (256 MiB).
pub const KSF_MEMORY_KIB: u32 = 262_144;
/// Argon2id passes.
pub const KSF_PASSES: u32 = 3;
/// Argon2id lanes.
pub const KSF_LANES: u32 = 4;

/// Weaker stretching does not compile: guessing from a stolen password record must stay expensive.
const _: () = assert!(KSF_MEMORY_KIB >= 64 * 1024 && KSF_PASSES >= 3);

/// Key stretching, run by the client. The constants are compiled in: a service cannot ask for less.
///
/// # Errors
/// None with these constants; only the crate's constructor is fallible.
pub fn key_stretching() -> Result<Argon2<'static>, opaque_ke::argon2::Error> {
    let params = Params::new(KSF_MEMORY_KIB, KSF_PASSES, KSF_LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Identifies both parties and the configuration, so that a mismatch or a downgrade fails the handshake.
#[derive(Debug, Clone)]
pub struct Binding {
    client: [u8; 16],
    server: String,
    context: String,
}

impl Binding {
    /// For an account in a region.
    #[must_use]
    pub fn new(account: AccountId, region: Region) -> Self {
        Self {
            client: *account.as_bytes(),
            server: format!("sealkeep-opaque:{region}"),
            context: format!(
                "sealkeep/v1/opaque|suite=r255-3dh-sha512|ksf=argon2id,v=19,m={KSF_MEMORY_KIB},t={KSF_PASSES},p={KSF_LANES}|region={region}"
            ),
        }
    }

    /// RFC 9807 client and server identity.
    #[must_use]
    pub fn identifiers(&self) -> Identifiers<'_> {
        Identifiers { client: Some(&self.client), server: Some(self.server.as_bytes()) }
    }

    /// RFC 9807 context.
    #[must_use]
    pub fn context(&self) -> &[u8] {
        self.context.as_bytes()
    }

    /// RFC 9807 credential identifier: the account, because email addresses change.
    #[must_use]
    pub fn credential_identifier(&self) -> &[u8] {
        &self.client
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// 5: neither the constants nor what actually runs falls below the floor, and the context names what runs.
    #[test]
    fn n05_key_stretching_has_a_floor() {
        let stretching = key_stretching().unwrap();
        let params = stretching.params();
        assert!(params.m_cost() >= 64 * 1024, "{} KiB", params.m_cost());
        assert!(params.t_cost() >= 3, "{} passes", params.t_cost());
        let binding = Binding::new(AccountId::from_bytes([1; 16]), Region::Eu);
        let context = String::from_utf8(binding.context().to_vec()).unwrap();
        let named = format!("m={},t={},p={}", params.m_cost(), params.t_cost(), params.p_cost());
        assert!(context.contains(&named), "{context}");
    }
}
