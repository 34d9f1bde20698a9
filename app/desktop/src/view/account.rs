//! The account, and the steps of sign-up and sign-in.

use api_types::{AccountId, DeviceId, VaultId, vault::DeviceState};
use client_core::{
    crypto::{InvalidWords, Typed},
    ops::{Account, sign_up::NewVault},
    recovery_kit::QrCode,
};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::Message;

/// The account that this device is signed in to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct AccountView {
    /// The account's email address.
    pub(crate) email: String,
    /// The metadata service that has it.
    pub(crate) service: String,
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
    /// Where its keys are kept.
    pub(crate) keys_kept_in: Message,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            email: account.email,
            service: account.service,
            account: account.id,
            vault: account.vault,
            region: account.region.to_string(),
            device: account.device,
            device_name: account.device_name,
            keys_kept_in: Message::from(&account.keys_kept_in),
        }
    }
}

/// The state of sign-up and sign-in on this device.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum SessionView {
    /// No account yet.
    Fresh,
    /// A sign-up waits for its first code.
    Code {
        /// What to add to the authenticator.
        step: CodeStep,
    },
    /// A sign-in waits for its second factor.
    Factor {
        /// The account's email address.
        email: String,
    },
    /// The recovery kit is still to be confirmed.
    Kit {
        /// What to save.
        step: KitStep,
    },
    /// A new device waits for the 24 words.
    Words {
        /// The account's email address.
        email: String,
    },
    /// The account is known, but its keys are not here yet.
    SignIn {
        /// The account's email address.
        email: String,
    },
    /// Ready.
    Ready {
        /// The account.
        account: AccountView,
    },
}

/// A QR code as an SVG path whose unit is one square.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct QrView {
    /// Number of squares on each side.
    pub(crate) size: u32,
    /// The dark squares.
    pub(crate) path: String,
}

/// For setting up an authenticator. Shown once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct CodeStep {
    /// The account's email address.
    pub(crate) email: String,
    /// `otpauth://…` as a QR code.
    pub(crate) qr: Option<QrView>,
    /// For manual entry.
    pub(crate) secret: String,
}

impl CodeStep {
    pub(crate) fn new(email: &str, otpauth_url: &str, secret: Option<String>) -> Self {
        let qr = QrCode::of(otpauth_url).map(|code| QrView { size: code.size(), path: code.svg_path() });
        Self { email: email.to_owned(), qr, secret: secret.unwrap_or_default() }
    }
}

/// What the user must save. Shown once.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct KitStep {
    /// The 24 words, in order.
    pub(crate) words: Vec<String>,
    /// Positions of the words to ask for, from 1.
    pub(crate) positions: Vec<usize>,
    /// Ten codes, each usable once instead of six digits; none if they were shown before.
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

/// What follows the second factor.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "next", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum FactorStep {
    /// Signed in.
    Done {
        /// The account.
        account: AccountView,
    },
    /// A new device: needs the 24 words.
    Words,
    /// The sign-up was interrupted before its kit was confirmed.
    Kit {
        /// What to save.
        step: KitStep,
    },
}

/// Progress in typing the 24 words.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct WordsView {
    /// Number of words that are in the list, of 24.
    pub(crate) recognized: usize,
    /// Whether all are there and the checksum is correct.
    pub(crate) complete: bool,
    /// The first word that is not in the list.
    pub(crate) wrong: Option<WrongWord>,
}

/// A word that is not in the list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct WrongWord {
    /// Its position, from 1.
    pub(crate) number: usize,
    /// What was typed.
    pub(crate) typed: String,
    /// The closest word in the list.
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
    /// Whether it is accepted.
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
    /// Its display name.
    pub(crate) name: String,
    /// Whether it is this device.
    pub(crate) here: bool,
    /// `pending`, `active` or `revoked`.
    #[cfg_attr(test, ts(type = "\"pending\" | \"active\" | \"revoked\""))]
    pub(crate) state: DeviceState,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// Seconds since 1970, to the hour.
    pub(crate) last_seen_at: Option<i64>,
}

/// One entry of the audit trail.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct ActivityView {
    /// Starts at 1, without gaps.
    pub(crate) position: u64,
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// What happened, one word.
    pub(crate) kind: String,
    /// The device that did it, by name if known.
    pub(crate) device: Option<String>,
}
