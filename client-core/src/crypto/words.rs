//! The recovery key as 24 words (BIP 39, English): 256 bits and a checksum that finds typing mistakes.

use bip39::{Language, Mnemonic};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Recipient, RecoveryIdentity, hkdf};
use crate::secret::fill_random;

const IDENTITY: &str = "sealkeep/v1/recovery/age-x25519";

/// Words that are no recovery key. Says where to look, never which word it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWords {
    /// Not 24 words.
    #[error("a recovery key has 24 words; these are {0}")]
    Count(usize),
    /// A word that is not in the list.
    #[error("word number {0} is not one of the 2048 recovery words: look at its spelling")]
    Unknown(usize),
    /// Every word exists, together they do not.
    #[error("the 24 words do not belong together: one is wrong or two are swapped")]
    Checksum,
}

/// 24 recovery words.
pub struct RecoveryWords(Mnemonic);

impl RecoveryWords {
    /// New ones from the operating system's randomness.
    ///
    /// # Errors
    /// Never for 256 bits; the word list's own check is not hidden.
    pub fn generate() -> Result<Self, InvalidWords> {
        let mut entropy = Zeroizing::new([0; 32]);
        fill_random(&mut *entropy);
        Self::from_entropy(&entropy)
    }

    /// The words for 256 given bits.
    ///
    /// # Errors
    /// As [`RecoveryWords::generate`].
    pub fn from_entropy(entropy: &[u8; 32]) -> Result<Self, InvalidWords> {
        Mnemonic::from_entropy_in(Language::English, entropy).map(Self).map_err(|_| InvalidWords::Checksum)
    }

    /// Reads words as a person types them: any case, any white space, each word or its first four letters.
    ///
    /// # Errors
    /// [`InvalidWords`] says which word to look at.
    pub fn parse(text: &str) -> Result<Self, InvalidWords> {
        let typed = Zeroizing::new(text.to_lowercase());
        let count = typed.split_whitespace().count();
        if count != 24 {
            return Err(InvalidWords::Count(count));
        }
        let mut phrase = Zeroizing::new(String::with_capacity(24 * 9));
        for (number, word) in (1..).zip(typed.split_whitespace()) {
            let known = full_word(word).ok_or(InvalidWords::Unknown(number))?;
            if number > 1 {
                phrase.push(' ');
            }
            phrase.push_str(known);
        }
        Mnemonic::parse_in_normalized(Language::English, &phrase)
            .map(Self)
            .map_err(|_| InvalidWords::Checksum)
    }

    /// The words, lower case, one space between.
    #[must_use]
    pub fn phrase(&self) -> SecretString {
        let mut phrase = String::with_capacity(24 * 9);
        for (number, word) in self.0.words().enumerate() {
            if number > 0 {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        SecretString::from(phrase)
    }

    /// The age identity that the words stand for: HKDF-SHA256(entropy, no salt, label) as X25519 secret.
    ///
    /// # Errors
    /// Never for 32 bytes; the encoder's own check is not hidden.
    pub fn identity(&self) -> Result<RecoveryIdentity, crate::id::InvalidId> {
        let entropy = Zeroizing::new(self.0.to_entropy());
        RecoveryIdentity::from_bytes(hkdf(&entropy, &[], IDENTITY).expose_secret())
    }

    /// Its public half.
    ///
    /// # Errors
    /// As [`RecoveryWords::identity`].
    pub fn recipient(&self) -> Result<Recipient, crate::id::InvalidId> {
        self.identity().map(|identity| identity.recipient())
    }
}

/// A word of the list, from itself or its first four letters, which are unique.
fn full_word(typed: &str) -> Option<&'static str> {
    let list = Language::English.word_list();
    list.binary_search(&typed).ok().map(|at| list[at]).or_else(|| {
        let at = list.partition_point(|word| *word < typed);
        list.get(at).copied().filter(|word| typed.len() == 4 && word.starts_with(typed))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn typing_is_forgiven_and_mistakes_are_found() {
        let words = RecoveryWords::from_entropy(&[7; 32]).unwrap();
        let phrase = words.phrase().expose_secret().to_owned();
        let short: Vec<String> =
            phrase.split(' ').map(|w| w.chars().take(4).collect::<String>().to_uppercase()).collect();
        let again = RecoveryWords::parse(&short.join(" \n ")).unwrap();
        assert_eq!(again.phrase().expose_secret(), phrase);

        let mut list: Vec<&str> = phrase.split(' ').collect();
        assert_eq!(RecoveryWords::parse(&list[..23].join(" ")).err(), Some(InvalidWords::Count(23)));
        let third = list[2];
        list[2] = "databse";
        assert_eq!(RecoveryWords::parse(&list.join(" ")).err(), Some(InvalidWords::Unknown(3)));
        list[2] = if third == "zoo" { "abandon" } else { "zoo" };
        assert_eq!(RecoveryWords::parse(&list.join(" ")).err(), Some(InvalidWords::Checksum));
    }
}
