//! Who is signed in, and the way there.

use api_types::{AccountId, DeviceId, VaultId, vault::DeviceState};
use client_core::{
    crypto::{InvalidWords, Typed},
    kit::QrCode,
    ops::{Account, sign_up::NewVault},
};
use secrecy::ExposeSecret;
use serde::Serialize;

/// Who this device works for.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct AccountView {
    /// The account's address.
    pub(crate) email: String,
    /// Its id.
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) account: AccountId,
    /// Its vault's id.
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) vault: VaultId,
    /// `us`, `ca` or `eu`.
    pub(crate) region: String,
    /// This device's id.
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) device: DeviceId,
    /// This device's name.
    pub(crate) device_name: String,
    /// In words, where its keys are kept.
    pub(crate) keys_kept_in: String,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            email: account.email,
            account: account.id,
            vault: account.vault,
            region: account.region.to_string(),
            device: account.device,
            device_name: account.device_name,
            keys_kept_in: account.keys_kept_in,
        }
    }
}

/// Where this device stands.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum SessionView {
    /// Nobody was ever signed in here.
    Fresh,
    /// A sign-up waits for its first code.
    Code {
        /// What to add to the authenticator.
        step: CodeStep,
    },
    /// A sign-in waits for its second factor.
    Factor {
        /// Whose.
        email: String,
    },
    /// The recovery kit waits to be proven.
    Kit {
        /// What to keep.
        step: KitStep,
    },
    /// A new device waits for the 24 words.
    Words {
        /// Whose.
        email: String,
    },
    /// An account is known, its keys are not here yet.
    SignIn {
        /// Whose.
        email: String,
    },
    /// Ready.
    Ready {
        /// Who.
        account: AccountView,
    },
}

/// A QR code as an SVG path whose unit is one square.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct QrView {
    /// Squares on each side.
    pub(crate) size: u32,
    /// The dark ones.
    pub(crate) path: String,
}

/// What an authenticator needs. Shown once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct CodeStep {
    /// Whose.
    pub(crate) email: String,
    /// `otpauth://…` as a picture.
    pub(crate) qr: Option<QrView>,
    /// For typing.
    pub(crate) secret: String,
}

impl CodeStep {
    pub(crate) fn new(email: &str, otpauth_url: &str, secret: Option<String>) -> Self {
        let qr = QrCode::of(otpauth_url).map(|code| QrView { size: code.size(), path: code.svg_path() });
        Self { email: email.to_owned(), qr, secret: secret.unwrap_or_default() }
    }
}

/// What must be kept. Shown once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct KitStep {
    /// The 24 words, in order.
    pub(crate) words: Vec<String>,
    /// Which of them are asked back, from 1.
    pub(crate) positions: Vec<usize>,
    /// Ten codes, each good once in place of six digits; none when they were shown before.
    pub(crate) recovery_codes: Vec<String>,
}

impl From<&NewVault> for KitStep {
    fn from(vault: &NewVault) -> Self {
        Self {
            words: vault.words().expose_secret().split(' ').map(str::to_owned).collect(),
            positions: vault.positions().to_vec(),
            recovery_codes: vault.recovery_codes().to_vec(),
        }
    }
}

/// What comes after the second factor.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "next", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum FactorStep {
    /// Signed in.
    Done {
        /// Who.
        account: AccountView,
    },
    /// A new device: the 24 words are needed.
    Words,
    /// The sign-up was interrupted before its kit was proven.
    Kit {
        /// What to keep.
        step: KitStep,
    },
}

/// How far somebody came in typing the 24 words.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct WordsView {
    /// Words of the list, of 24.
    pub(crate) recognized: usize,
    /// They are all there, and belong together.
    pub(crate) complete: bool,
    /// The first word that is not in the list.
    pub(crate) wrong: Option<WrongWord>,
}

/// A word that is not in the list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct WrongWord {
    /// Its place, from 1.
    pub(crate) number: usize,
    /// What was typed.
    pub(crate) typed: String,
    /// The word of the list that is nearest.
    pub(crate) suggestion: Option<String>,
}

impl From<Typed> for WordsView {
    fn from(typed: Typed) -> Self {
        let complete = typed.problem.is_none() && typed.recognized == 24;
        let wrong = match typed.problem {
            Some(InvalidWords::Unknown { number, typed, suggestion }) => {
                Some(WrongWord { number, typed, suggestion: suggestion.map(str::to_owned) })
            }
            _ => None,
        };
        Self { recognized: typed.recognized, complete, wrong }
    }
}

/// How hard a password is to guess.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Strength {
    /// 0 (at once) – 4 (very hard), by zxcvbn.
    pub(crate) score: u8,
    /// Whether it is taken at all.
    pub(crate) accepted: bool,
}

/// A device of the vault.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct DeviceView {
    /// Its id.
    #[cfg_attr(test, ts(type = "string"))]
    pub(crate) id: DeviceId,
    /// What people call it.
    pub(crate) name: String,
    /// Whether it is the one that this window runs on.
    pub(crate) here: bool,
    /// `pending`, `active` or `revoked`.
    #[cfg_attr(test, ts(type = "\"pending\" | \"active\" | \"revoked\""))]
    pub(crate) state: DeviceState,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// Seconds since 1970, to the hour.
    pub(crate) last_seen_at: Option<i64>,
}

/// One line of the audit trail.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct ActivityView {
    /// From 1, without gaps.
    pub(crate) position: u64,
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// What happened, one word.
    pub(crate) kind: String,
    /// The device that did it, by name where it is known.
    pub(crate) device: Option<String>,
}
