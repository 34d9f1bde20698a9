//! The recovery codes as a file of their own. Never beside the words: both together are the whole account.

use secrecy::SecretString;

use super::Client;
use crate::{error::Error, recovery_kit, text};

/// A service creates ten.
const MOST: usize = 50;

/// A file to save.
pub struct CodesFile {
    /// A name for it.
    pub name: String,
    /// Its content.
    pub text: SecretString,
}

/// Writes the account's recovery codes as text. They are as the service sent them: nobody else has them.
///
/// # Errors
/// This device knows no account; [`crate::error::ErrorKind::Usage`] for what are not recovery codes.
pub fn file(client: &Client, codes: &[String]) -> Result<CodesFile, Error> {
    let plausible = |code: &String| {
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if codes.is_empty() || codes.len() > MOST || !codes.iter().all(plausible) {
        return Err(Error::usage(text!("those are not recovery codes")));
    }
    let secrets =
        client.keystore().load()?.ok_or_else(|| Error::usage(text!("this device has no account yet")))?;
    let name = recovery_kit::codes::file_name(&secrets.email);
    let text = recovery_kit::codes::text(&secrets.email, &secrets.service, client.now(), codes);
    Ok(CodesFile { name, text })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::{
        error::ErrorKind,
        ops::client::tests::{offline, signed_in},
    };

    #[test]
    fn the_file_names_the_account_and_holds_its_codes_and_nothing_else_that_is_secret() {
        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        let codes = ["abcde-fghij".to_owned(), "klmno-pqrst".to_owned()];
        let file = file(&client, &codes).unwrap();
        assert_eq!(file.name, "sealkeep-recovery-codes-a-example-com.txt");
        let text = file.text.expose_secret();
        for part in ["a@example.com", "abcde-fghij", "klmno-pqrst"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("AGE-SECRET-KEY"));
    }

    #[test]
    fn what_is_not_a_code_is_not_written() {
        let home = tempfile::tempdir().unwrap();
        let client = signed_in(home.path());
        for codes in [vec![], vec!["a b".to_owned()], vec!["a\n".to_owned()], vec!["a".to_owned(); 51]] {
            assert_eq!(file(&client, &codes).err().unwrap().kind(), ErrorKind::Usage, "{codes:?}");
        }
        let home = tempfile::tempdir().unwrap();
        let nobody = file(&offline(home.path()), &["abc".to_owned()]);
        assert_eq!(nobody.err().unwrap().kind(), ErrorKind::Usage);
    }
}
