//! The keys of a vault. Random rather than derived, so that rotating the master key does not break deduplication.

use api_types::{VaultId, canonical};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    IndexKey, ReadIdentity, SigningRoot,
    wire::{SecretBytes, SecretText},
};
use crate::{
    chunk::{ChunkIdKey, ChunkerKey, ChunkerParams},
    id::{DomainId, InvalidId},
    text,
    text::{Text, told},
};

/// Layout of [`Keyring::to_bytes`].
const LAYOUT: u8 = 1;

/// The keys that devices need for deduplication; they decrypt nothing but the index.
pub struct Domain {
    /// Which domain.
    pub id: DomainId,
    /// The key for chunk ids.
    pub chunk_id_key: ChunkIdKey,
    /// The key for chunk boundaries.
    pub chunker_key: ChunkerKey,
    /// Sizes of chunks, fixed for the domain's lifetime.
    pub chunker_params: ChunkerParams,
    /// The key for index segments.
    pub index_key: IndexKey,
}

impl Domain {
    /// A random domain with default sizes.
    #[must_use]
    pub fn generate() -> Self {
        Self {
            id: DomainId::generate(),
            chunk_id_key: ChunkIdKey::generate(),
            chunker_key: ChunkerKey::generate(),
            chunker_params: ChunkerParams::default(),
            index_key: IndexKey::generate(),
        }
    }
}

/// Everything a full device shares with the vault's other full devices.
pub struct Keyring {
    vault: VaultId,
    version: u32,
    epoch: u32,
    read_identities: Vec<ReadIdentity>,
    signing_root: SigningRoot,
    domains: Vec<Domain>,
}

/// Why bytes are not a keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyring {
    /// Written by a newer version.
    Newer(u8),
    /// Not CBOR of this shape, or a key or the newest epoch's identity is missing.
    Malformed,
}

told!(InvalidKeyring);

impl InvalidKeyring {
    pub(crate) fn text(self) -> Text {
        match self {
            Self::Newer(layout) => {
                text!("the keyring has layout {layout}; this program reads layout 1", layout)
            }
            Self::Malformed => text!("malformed keyring"),
        }
    }
}

impl From<InvalidId> for InvalidKeyring {
    fn from(_: InvalidId) -> Self {
        Self::Malformed
    }
}

impl Keyring {
    /// Generates keys: version 1, epoch 1, one domain.
    #[must_use]
    pub fn generate(vault: VaultId) -> Self {
        Self {
            vault,
            version: 1,
            epoch: 1,
            read_identities: vec![ReadIdentity::generate(1)],
            signing_root: SigningRoot::generate(),
            domains: vec![Domain::generate()],
        }
    }

    /// Assembles a keyring from its parts.
    ///
    /// # Errors
    /// [`InvalidKeyring::Malformed`] without a domain, without an identity for `epoch`, or with one of a later epoch.
    pub fn from_parts(
        vault: VaultId,
        (version, epoch): (u32, u32),
        read_identities: Vec<ReadIdentity>,
        signing_root: SigningRoot,
        domains: Vec<Domain>,
    ) -> Result<Self, InvalidKeyring> {
        let newest = read_identities.iter().map(ReadIdentity::epoch).max();
        let ascending = read_identities.windows(2).all(|pair| pair[0].epoch() < pair[1].epoch());
        if newest != Some(Some(epoch)) || !ascending || version == 0 || epoch == 0 || domains.is_empty() {
            return Err(InvalidKeyring::Malformed);
        }
        Ok(Self { vault, version, epoch, read_identities, signing_root, domains })
    }

    /// The vault's id.
    #[must_use]
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Increases with every change; clients refuse a version older than one they have seen.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The epoch that new packs are sealed under.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// One per epoch, ascending.
    #[must_use]
    pub fn read_identities(&self) -> &[ReadIdentity] {
        &self.read_identities
    }

    /// The identity of [`Keyring::epoch`], to whose recipient new packs are sealed.
    #[must_use]
    pub fn current_identity(&self) -> Option<&ReadIdentity> {
        self.read_identities.last()
    }

    /// The key that signs the device directory.
    #[must_use]
    pub const fn signing_root(&self) -> &SigningRoot {
        &self.signing_root
    }

    /// Deduplication domains; the first is that of the full devices.
    #[must_use]
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// The domain with this id.
    #[must_use]
    pub fn domain(&self, id: DomainId) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.id == id)
    }

    /// CBOR, described in format.md. For sealing and for key stores.
    ///
    /// # Errors
    /// Same as the encoder.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, canonical::Error> {
        let wire = Wire(
            LAYOUT,
            self.vault,
            self.version,
            self.epoch,
            self.read_identities
                .iter()
                .map(|i| (i.epoch().unwrap_or_default(), SecretText::new(i.expose().expose_secret())))
                .collect(),
            SecretBytes::new(self.signing_root.seed()),
            self.domains
                .iter()
                .map(|d| {
                    (
                        d.id,
                        SecretBytes::new(d.chunk_id_key.expose()),
                        SecretBytes::new(d.chunker_key.expose()),
                        d.chunker_params,
                        SecretBytes::new(d.index_key.expose()),
                    )
                })
                .collect(),
        );
        // Allocated up front, so that no smaller copy is left in freed memory.
        let mut out = Zeroizing::new(Vec::with_capacity(
            256 + 128 * self.read_identities.len() + 256 * self.domains.len(),
        ));
        ciborium::into_writer(&wire, &mut *out).map_err(|e| canonical::Error::Malformed(e.to_string()))?;
        Ok(out)
    }

    /// Parses the result of [`Keyring::to_bytes`].
    ///
    /// # Errors
    /// [`InvalidKeyring`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidKeyring> {
        // The first element of the array is the layout: checked before anything else is read.
        if let [0x80..=0x97, layout @ 0..=0x17, ..] = *bytes
            && layout != LAYOUT
        {
            return Err(InvalidKeyring::Newer(layout));
        }
        let Wire(_, vault, version, epoch, identities, root, domains) =
            canonical::decode(bytes).map_err(|_| InvalidKeyring::Malformed)?;
        let identities = identities
            .iter()
            .map(|(epoch, text)| ReadIdentity::parse(&text.0, *epoch))
            .collect::<Result<_, _>>()?;
        let domains = domains
            .iter()
            .map(|(id, chunk_id_key, chunker_key, chunker_params, index_key)| {
                Ok(Domain {
                    id: *id,
                    chunk_id_key: ChunkIdKey::try_from(chunk_id_key.0.as_slice())?,
                    chunker_key: ChunkerKey::try_from(chunker_key.0.as_slice())?,
                    chunker_params: *chunker_params,
                    index_key: IndexKey::try_from(index_key.0.as_slice())?,
                })
            })
            .collect::<Result<_, InvalidId>>()?;
        let root: &[u8; 32] = root.0.as_slice().try_into().map_err(|_| InvalidKeyring::Malformed)?;
        Self::from_parts(vault, (version, epoch), identities, SigningRoot::from_seed(root), domains)
    }
}

type DomainWire = (DomainId, SecretBytes, SecretBytes, ChunkerParams, SecretBytes);

#[derive(Serialize, Deserialize)]
struct Wire(u8, VaultId, u32, u32, Vec<(u32, SecretText)>, SecretBytes, Vec<DomainWire>);
