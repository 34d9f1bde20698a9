//! Service files: resolves a service, so that its database can name the source and its values rank below the URL's, as
//! in libpq.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::conninfo::{Pairs, Value, usage};
use crate::{source::SourceError, text};

/// Where libpq may have been built to look if `PGSYSCONFDIR` is not set: it does not say. Debian's path comes first.
const SYSTEM: [&str; 4] = ["/etc/postgresql-common", "/etc", "/etc/sysconfig/pgsql", "/usr/local/etc"];
const SYSTEM_NAME: &str = "pg_service.conf";

/// What a service resolves to.
pub(super) enum Service {
    /// Its parameters.
    Known(Pairs),
    /// Only libpq can tell: it is in a file unknown to us, or in LDAP.
    Elsewhere,
}

/// Looks a service up in libpq's order: the given file, else the user's; then the system's.
///
/// # Errors
/// [`SourceError::Usage`]: a given file cannot be read, or a section is malformed.
pub(super) fn find(
    service: &str,
    file: Option<PathBuf>,
    ambient: &dyn Fn(&str) -> Option<String>,
) -> Result<Service, SourceError> {
    let named = file.or_else(|| ambient("PGSERVICEFILE").map(PathBuf::from));
    if let Some(file) = &named {
        let text = fs::read(file).map_err(|e| {
            usage(text!("the service file {file}: {error}", file = file.display(), error = e))
        })?;
        if let Some(found) = section(&text, service).map_err(|error| within(file, &error))? {
            return Ok(found);
        }
    }
    let own =
        named.is_none().then(|| ambient("HOME").map(|home| PathBuf::from(home).join(".pg_service.conf")));
    let system = match ambient("PGSYSCONFDIR") {
        Some(dir) => vec![PathBuf::from(dir)],
        None => SYSTEM.map(PathBuf::from).into(),
    };
    for file in own.flatten().into_iter().chain(system.into_iter().map(|dir| dir.join(SYSTEM_NAME))) {
        // libpq skips missing files, too.
        let Ok(text) = fs::read(&file) else { continue };
        if let Some(found) = section(&text, service).map_err(|error| within(&file, &error))? {
            return Ok(found);
        }
    }
    Ok(Service::Elsewhere)
}

fn within(file: &Path, error: &SourceError) -> SourceError {
    usage(text!("the service file {file}: {error}", file = file.display(), error))
}

fn section(text: &[u8], service: &str) -> Result<Option<Service>, SourceError> {
    let header = format!("[{service}]");
    let mut found: Option<Pairs> = None;
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if line.starts_with(b"[") {
            if found.is_some() {
                break;
            }
            if line.starts_with(header.as_bytes()) {
                found = Some(Pairs::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        if line.starts_with(b"ldap") {
            return Ok(Some(Service::Elsewhere));
        }
        let at = memchr::memchr(b'=', line)
            .ok_or_else(|| usage(text!("the service `{service}` has a line without `=`", service)))?;
        let (name, value) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
        let name = String::from_utf8_lossy(name).into_owned();
        if name == "service" || super::parameters::find(&name).is_none() {
            return Err(usage(text!(
                "the service `{service}` sets `{name}`, which libpq does not take there",
                service,
                name
            )));
        }
        // The first of several counts.
        if pairs.iter().all(|(known, _)| *known != name) {
            pairs.push((name, Value::new(value.to_vec())));
        }
    }
    Ok(found.map(Service::Known))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_as_libpq_reads_it() {
        let text = b"# all\n[other]\ndbname=no\n [shop] \n host=db1 \nhost=db2\n#x\ndbname=sh=op\n\n[shop]\nport=1\n";
        let Service::Known(pairs) = section(text, "shop").unwrap().unwrap() else { unreachable!() };
        let pairs: Vec<_> =
            pairs.iter().map(|(n, v)| (n.as_str(), String::from_utf8_lossy(v).into_owned())).collect();
        assert_eq!(pairs, [("host", "db1".into()), ("dbname", "sh=op".into())]);
        assert!(section(text, "absent").unwrap().is_none());
        for bad in ["[s]\nhost", "[s]\nservice=x", "[s]\nhost =x", "[s]\nschema=x"] {
            assert!(section(bad.as_bytes(), "s").is_err(), "{bad}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("services");
        fs::write(&file, "[s]\nhost").unwrap();
        let wrong = find("s", Some(file.clone()), &|_| None).err().unwrap().to_string();
        assert!(wrong.contains(&file.display().to_string()), "{wrong}");
        assert!(matches!(section(b"[s]\nldap://x/y?z", "s").unwrap(), Some(Service::Elsewhere)));
    }
}
