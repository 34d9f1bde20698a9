//! The recovery kit: one page that opens a vault without Sealkeep, created on this device and never sent anywhere.

pub mod codes;
mod page;
mod qr;

use api_types::{Region, VaultId};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use self::qr::QrCode;
use crate::{
    crypto::{AccountSecret, RecoveryWords},
    id::InvalidId,
};

/// The owner of a kit.
#[derive(Debug, Clone)]
pub struct KitOwner {
    /// The account's email address.
    pub email: String,
    /// The vault it opens.
    pub vault: VaultId,
    /// Where the vault is.
    pub region: Region,
    /// The metadata service.
    pub service: String,
    /// When it was created, seconds since 1970.
    pub created: i64,
}

/// The content of a kit. It has no `Debug` output.
pub struct Kit {
    owner: KitOwner,
    words: SecretString,
    /// `AGE-SECRET-KEY-1…`, the same key as the words.
    identity: SecretString,
    /// Hexadecimal digits in groups of four.
    account_secret: SecretString,
}

/// What a kit can and cannot do: the same sentences in every form of it.
const CAN: [&str; 3] = [
    "It unlocks every backup of this vault from the bucket alone, even if Sealkeep no longer exists.",
    "It sets up a new device, together with your email, your password and a 6-digit code.",
    "Anyone who has it and can read the bucket can read your backups: keep it like a passport.",
];
const CANNOT: [&str; 2] = [
    "It cannot sign in on its own: it contains neither your password nor 6-digit codes.",
    "Nobody can recreate it. If you lose all devices and this kit, you lose the backups.",
];
const HOW: [&str; 3] = [
    "On a new computer: install Sealkeep, choose \"Sign in or restore\", enter the 24 words.",
    "Without Sealkeep: decrypt keys/….age from the bucket with `age -d -i key.txt`; key.txt contains the line below.",
    "client-core/docs/format.md in the source code explains how to read the packs with the result.",
];

impl Kit {
    /// Creates the kit of a new vault.
    ///
    /// # Errors
    /// Never for 256 bits of words; the encoder's own check is not hidden.
    pub fn new(
        owner: KitOwner,
        words: &RecoveryWords,
        account_secret: &AccountSecret,
    ) -> Result<Self, InvalidId> {
        let hex = Zeroizing::new(hex::encode(account_secret.expose()));
        let groups: Vec<&str> = (0..hex.len()).step_by(4).filter_map(|at| hex.get(at..at + 4)).collect();
        Ok(Self {
            owner,
            words: words.phrase(),
            identity: words.identity()?.expose(),
            account_secret: groups.join("-").into(),
        })
    }

    /// Its file name, without an extension.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("sealkeep-recovery-kit-{}", safe_name(&self.owner.email))
    }

    /// As plain text.
    #[must_use]
    pub fn text(&self) -> SecretString {
        let mut text = String::with_capacity(8 * 1024);
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        line("SEALKEEP RECOVERY KIT\n");
        for (name, value) in self.facts() {
            line(&format!("{name:<16}{value}"));
        }
        line(&format!("{:<16}{}", "Account secret", self.account_secret.expose_secret()));
        line("\nThe 24 words\n");
        for row in self.numbered().chunks(4) {
            let row: Vec<String> = row.iter().map(|(n, word)| format!("{n:>2} {word:<10}")).collect();
            line(&format!("  {}", row.join("  ").trim_end()));
        }
        for (title, sentences) in [
            ("What it can do", CAN.as_slice()),
            ("What it cannot do", CANNOT.as_slice()),
            ("How to use it", HOW.as_slice()),
        ] {
            line(&format!("\n{title}\n"));
            for sentence in sentences {
                line(&format!("  {sentence}"));
            }
        }
        line(&format!("\n{}", self.identity.expose_secret()));
        text.into()
    }

    /// As a one-page A4 PDF.
    ///
    /// # Errors
    /// Never: an age key fits into a QR code.
    pub fn pdf(&self) -> Result<Zeroizing<Vec<u8>>, InvalidId> {
        let qr = QrCode::of(self.identity.expose_secret()).ok_or(InvalidId("age secret key"))?;
        Ok(page::draw(self, &qr))
    }

    /// Whether a file is this kit, in either form.
    #[must_use]
    pub fn is_in(&self, file: &[u8]) -> bool {
        memchr::memmem::find(file, self.identity.expose_secret().as_bytes()).is_some()
    }

    fn facts(&self) -> [(&'static str, String); 5] {
        let owner = &self.owner;
        [
            ("Email", owner.email.clone()),
            ("Vault", owner.vault.to_string()),
            ("Region", owner.region.to_string()),
            ("Service", owner.service.clone()),
            ("Created", date(owner.created)),
        ]
    }

    fn numbered(&self) -> Vec<(usize, &str)> {
        (1..).zip(self.words.expose_secret().split(' ')).collect()
    }
}

/// For the name of a file.
fn safe_name(email: &str) -> String {
    email.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// A date, UTC.
fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn kit(entropy: u8) -> Kit {
        let owner = KitOwner {
            email: "ada@example.com".into(),
            vault: VaultId::from_bytes([7; 16]),
            region: Region::Eu,
            service: "https://api.example.com".into(),
            created: 1_780_000_000,
        };
        let words = RecoveryWords::from_entropy(&[entropy; 32]).unwrap();
        Kit::new(owner, &words, &AccountSecret::from_bytes(&[9; 16])).unwrap()
    }

    #[test]
    fn each_form_proves_its_own_vault_only() {
        let (mine, other) = (kit(1), kit(2));
        for file in [mine.text().expose_secret().as_bytes(), &mine.pdf().unwrap()] {
            assert!(mine.is_in(file));
            assert!(!other.is_in(file));
            assert!(!mine.is_in(&file[..200]));
        }
        assert!(!mine.is_in(b""));
    }

    #[test]
    fn the_text_holds_everything_and_its_words_can_be_read_back() {
        let kit = kit(1);
        let text = kit.text();
        let text = text.expose_secret();
        for part in ["ada@example.com", "eu", "0909-0909-0909-0909-0909-0909-0909-0909", "AGE-SECRET-KEY-1"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let (_, words) = text.split_once("The 24 words").unwrap();
        let (words, _) = words.split_once("What it can do").unwrap();
        let whole = RecoveryWords::parse(text).unwrap();
        for again in [RecoveryWords::parse(words).unwrap(), whole] {
            assert_eq!(again.identity().unwrap().expose().expose_secret(), kit.identity.expose_secret());
        }
    }

    #[test]
    fn both_saved_forms_give_their_words_back() {
        for entropy in 0..40 {
            let mut kit = kit(entropy);
            // An address that looks like numbered words.
            "1 zoo 2abandon@example.com".clone_into(&mut kit.owner.email);
            for file in [kit.text().expose_secret().as_bytes(), &kit.pdf().unwrap()] {
                let words = RecoveryWords::from_kit(file).unwrap();
                assert_eq!(words.phrase().expose_secret(), kit.words.expose_secret());
                assert!(RecoveryWords::from_kit(&file[..250]).is_err());
            }
        }
        assert!(RecoveryWords::from_kit(b"").is_err());
        assert!(RecoveryWords::from_kit(b"%PDF-1.7 ) Tj").is_err());
    }

    #[test]
    fn the_page_is_a_pdf_with_every_word() {
        let kit = kit(3);
        let pdf = kit.pdf().unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
        for (_, word) in kit.numbered() {
            assert!(memchr::memmem::find(&pdf, word.as_bytes()).is_some(), "{word}");
        }
    }
}
