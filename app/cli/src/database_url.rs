//! The source of a database's URL, and the check that no password in it is where others can read it.

use std::{fs::File, io::Read, os::unix::fs::PermissionsExt, path::Path};

use client_core::{
    error::{Error, ErrorKind},
    source::postgres::names_password,
    text,
};
use secrecy::{ExposeSecret, SecretString};

/// Maximum length of a URL, bytes.
const MAX_LEN: u64 = 64 * 1024;

/// A URL given as an argument. `instead` names the alternatives.
///
/// # Errors
/// [`ErrorKind::Usage`] if it contains a password and that was not allowed.
pub(crate) fn from_argument(
    url: String,
    allowed: bool,
    instead: Option<&str>,
) -> Result<SecretString, Error> {
    if names_password(&url) && !allowed {
        return Err(Error::new(
            ErrorKind::Usage,
            text!("a password was given as an argument, where every user of this machine can read it"),
            "nothing was changed",
            format!(
                "leave it out of the URL, and put it into ~/.pgpass or PGPASSWORD; {}\
                 --allow-password-in-arguments accepts it anyway",
                instead.map_or_else(String::new, |instead| format!("or {instead}; ")),
            ),
        ));
    }
    Ok(url.into())
}

/// A URL on the first line of a file. Refuses a file that others can read, as libpq does for ~/.pgpass.
///
/// # Errors
/// The file cannot be read, or too many users can read it.
pub(crate) fn from_file(path: &Path) -> Result<SecretString, Error> {
    let name = path.display().to_string();
    let failed = |e| Error::io(&name, &e);
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let mut text = String::new();
    file.take(MAX_LEN).read_to_string(&mut text).map_err(failed)?;
    let url = SecretString::from(text.lines().next().unwrap_or_default().trim().to_owned());
    if about.is_file() && about.permissions().mode() & 0o077 != 0 && names_password(url.expose_secret()) {
        return Err(Error::new(
            ErrorKind::Usage,
            text!("the password in {name} can be read by other users", name),
            "nothing was changed",
            format!("run `chmod 600 {name}`"),
        ));
    }
    Ok(url)
}
