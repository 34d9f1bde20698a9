//! The recovery key as 24 words (BIP 39, English): 256 bits and a checksum that detects typos.

use bip39::{Language, Mnemonic};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Recipient, RecoveryIdentity, hkdf};
use crate::{
    secret::fill_random,
    text,
    text::{Text, told},
};

const IDENTITY: &str = "sealkeep/v1/recovery/age-x25519";

/// Number of words in a recovery key.
const COUNT: usize = 24;
/// Maximum edit distance between what was typed and a suggested word.
const NEAR: usize = 2;

/// Why words are not a recovery key. Quotes at most one misspelled word, and no other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWords {
    /// Not 24 words.
    Count(usize),
    /// A word that is not in the word list.
    Unknown {
        /// Its position, from 1.
        number: usize,
        /// What was typed.
        typed: String,
        /// The closest word in the list.
        suggestion: Option<&'static str>,
    },
    /// Every word exists, but the checksum is wrong.
    Checksum,
    /// A file without 24 words.
    NoKit,
}

told!(InvalidWords);

impl InvalidWords {
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Count(number) => text!("a recovery kit has 24 words, not {number}", number),
            Self::Unknown { number, typed, suggestion: None } => text!(
                "word number {number}, \"{typed}\", is not one of the 2048 recovery words: check its spelling",
                number,
                typed
            ),
            Self::Unknown { number, typed, suggestion: Some(word) } => text!(
                "word number {number}, \"{typed}\", is not one of the 2048 recovery words (did you mean \"{word}\"?)",
                number,
                typed,
                word
            ),
            Self::Checksum => {
                text!("these 24 words are not a valid set: at least 1 is wrong or in the wrong place")
            }
            Self::NoKit => text!("this file is not a saved recovery kit"),
        }
    }
}

/// 24 recovery words.
pub struct RecoveryWords(Mnemonic);

impl RecoveryWords {
    /// Generates words from the operating system's randomness.
    ///
    /// # Errors
    /// Never for 256 bits; the word list's own check is not hidden.
    pub fn generate() -> Result<Self, InvalidWords> {
        let mut entropy = Zeroizing::new([0; 32]);
        fill_random(&mut *entropy);
        Self::from_entropy(&entropy)
    }

    /// The words for 256 bits.
    ///
    /// # Errors
    /// Same as [`RecoveryWords::generate`].
    pub fn from_entropy(entropy: &[u8; 32]) -> Result<Self, InvalidWords> {
        Mnemonic::from_entropy_in(Language::English, entropy).map(Self).map_err(|_| InvalidWords::Checksum)
    }

    /// Parses words as people type or paste them: any case, numbered or not, any white space and punctuation between
    /// them, each word or its first four letters; or the whole text of a kit.
    ///
    /// # Errors
    /// [`InvalidWords`] says which word to check.
    pub fn parse(text: &str) -> Result<Self, InvalidWords> {
        let tokens = tokens(text);
        if let Some(words) = numbered(&tokens) {
            return Self::from_words(words.into_iter());
        }
        let count = letters(&tokens).count();
        if count != COUNT {
            return Err(InvalidWords::Count(count));
        }
        let mut words = Vec::with_capacity(COUNT);
        for (number, typed) in (1..).zip(letters(&tokens)) {
            words.push(full_word(typed).ok_or_else(|| unknown(number, typed))?);
        }
        Self::from_words(words.into_iter())
    }

    /// Reads the words from a saved kit, text or PDF, or from a file with nothing but the words.
    ///
    /// # Errors
    /// [`InvalidWords::NoKit`] for any other file; [`InvalidWords`] for a modified kit or wrong words.
    pub fn from_kit(file: &[u8]) -> Result<Self, InvalidWords> {
        let is_pdf = file.starts_with(b"%PDF-");
        let text = if is_pdf { pdf_text(file) } else { Zeroizing::new(lossy(file)) };
        let tokens = tokens(&text);
        if let Some(words) = numbered(&tokens) {
            return Self::from_words(words.into_iter());
        }
        let of_the_list = letters(&tokens).filter(|word| full_word(word).is_some()).count();
        // In other texts, most words are not in the list.
        if is_pdf || 2 * of_the_list <= letters(&tokens).count() {
            return Err(InvalidWords::NoKit);
        }
        Self::parse(&text)
    }

    fn from_words(words: impl Iterator<Item = &'static str>) -> Result<Self, InvalidWords> {
        let mut phrase = Zeroizing::new(String::with_capacity(COUNT * 9));
        for (at, word) in words.enumerate() {
            if at > 0 {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        Mnemonic::parse_in_normalized(Language::English, &phrase)
            .map(Self)
            .map_err(|_| InvalidWords::Checksum)
    }

    /// The words in lower case, separated by single spaces.
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

    /// The age identity derived from the words: HKDF-SHA256(entropy, no salt, label) as X25519 secret.
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
    /// Same as [`RecoveryWords::identity`].
    pub fn recipient(&self) -> Result<Recipient, crate::id::InvalidId> {
        self.identity().map(|identity| identity.recipient())
    }
}

/// Progress in typing the 24 words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// Number of words that are in the list.
    pub recognized: usize,
    /// What is wrong so far. An incomplete last word is not.
    pub problem: Option<InvalidWords>,
}

/// Checks words while they are being typed.
#[must_use]
pub fn check_typed(text: &str) -> Typed {
    match RecoveryWords::parse(text) {
        Ok(_) => return Typed { recognized: COUNT, problem: None },
        Err(InvalidWords::Checksum) => {
            return Typed { recognized: COUNT, problem: Some(InvalidWords::Checksum) };
        }
        Err(_) => {}
    }
    let tokens = tokens(text);
    let growing = text.ends_with(|c: char| c.is_alphanumeric());
    let words: Vec<&str> = letters(&tokens).collect();
    let finished = if growing { words.len().saturating_sub(1) } else { words.len() };
    let wrong = (1..).zip(words.iter().take(finished)).find(|(_, word)| full_word(word).is_none());
    Typed {
        recognized: words.iter().filter(|word| full_word(word).is_some()).count(),
        problem: wrong
            .map(|(number, typed)| unknown(number, typed))
            .or_else(|| (words.len() > COUNT).then_some(InvalidWords::Count(words.len()))),
    }
}

/// Whether an answer has these words, in this order, however it is typed.
#[must_use]
pub fn is_answer(answer: &str, asked: &[&str]) -> bool {
    let tokens = tokens(answer);
    letters(&tokens).map(full_word).eq(asked.iter().map(|word| full_word(word)))
}

/// Runs of letters and of digits, in lower case; everything else is a separator.
fn tokens(text: &str) -> Zeroizing<Vec<String>> {
    let (mut tokens, mut digits) = (Zeroizing::new(Vec::new()), None);
    // Invisible characters that some programs add to copied text.
    let seen =
        text.chars().filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'));
    for c in seen {
        if !c.is_alphanumeric() {
            digits = None;
            continue;
        }
        let digit = c.is_ascii_digit();
        if digits != Some(digit) {
            // Large enough for any word, so that it is never reallocated.
            tokens.push(String::with_capacity(16));
            digits = Some(digit);
        }
        if let Some(token) = tokens.last_mut() {
            token.extend(c.to_lowercase());
        }
    }
    tokens
}

fn letters(tokens: &[String]) -> impl Iterator<Item = &str> {
    tokens.iter().map(String::as_str).filter(|token| !token.starts_with(|c: char| c.is_ascii_digit()))
}

/// The words after the numbers 1 to 24, wherever they are: a kit has other text around them, and a page copied column
/// by column has them in another order. `None`: some are missing.
fn numbered(tokens: &[String]) -> Option<Vec<&'static str>> {
    // The heading above the words of a kit; text before it may contain anything.
    let heading =
        tokens.windows(2).position(|pair| matches!(pair, [n, word] if n == "24" && word == "words"));
    let after_heading = heading.and_then(|at| numbered_in(tokens.get(at + 2..)?));
    after_heading.or_else(|| numbered_in(tokens))
}

fn numbered_in(tokens: &[String]) -> Option<Vec<&'static str>> {
    let mut found = [None; COUNT];
    for pair in tokens.windows(2) {
        let [number, word] = pair else { continue };
        let place =
            number.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).and_then(|n| found.get_mut(n));
        if let (Some(place @ None), Some(word)) = (place, full_word(word)) {
            *place = Some(word);
        }
    }
    found.into_iter().collect()
}

/// The strings that our kit page shows, in order.
fn pdf_text(file: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(file.len()));
    for end in memchr::memmem::find_iter(file, b") Tj") {
        let start = file.get(..end).and_then(|before| memchr::memrchr(b'(', before));
        if let Some(shown) = start.and_then(|start| file.get(start + 1..end)) {
            text.push_str(&Zeroizing::new(lossy(shown)));
            text.push('\n');
        }
    }
    text
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn unknown(number: usize, typed: &str) -> InvalidWords {
    let nearest = Language::English
        .word_list()
        .iter()
        .map(|word| (strsim::damerau_levenshtein(typed, word), *word))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= NEAR);
    InvalidWords::Unknown {
        number,
        typed: typed.chars().take(16).collect(),
        suggestion: nearest.map(|(_, word)| word),
    }
}

/// The word in the list for a word or its first four letters, which are unique.
fn full_word(typed: &str) -> Option<&'static str> {
    let list = Language::English.word_list();
    list.binary_search(&typed).ok().map(|at| list[at]).or_else(|| {
        let at = list.partition_point(|word| *word < typed);
        list.get(at).copied().filter(|word| typed.len() == 4 && word.starts_with(typed))
    })
}

#[cfg(test)]
mod tests;
