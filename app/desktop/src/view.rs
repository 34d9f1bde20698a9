//! What the window is told; `ui/src/bindings` holds the same types for TypeScript.

use serde::Serialize;

/// What the window says about the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct AppInfo {
    /// The product's name.
    pub(crate) name: String,
    /// The program's version.
    pub(crate) version: String,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use ts_rs::{Config, TS};

    use super::AppInfo;

    /// `UPDATE_BINDINGS=1 cargo test -p sealkeep-desktop` writes them anew.
    #[test]
    fn bindings_are_current() {
        let wanted = AppInfo::export_to_string(&Config::default()).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/bindings/AppInfo.ts");
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted, "{} is stale", path.display());
    }
}
