//! `sealkeep://…`: links that open a view in the window. They never start anything.

use serde::Serialize;
use url::Url;

/// The view that a link opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "view", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum Link {
    /// `sealkeep://home`
    Home,
    /// `sealkeep://snapshots`, or `sealkeep://snapshots/0a1b2c` for those whose id begins with it.
    Snapshots {
        /// Search text; hexadecimal digits.
        find: String,
    },
    /// `sealkeep://devices`
    Devices,
    /// `sealkeep://activity`
    Activity,
    /// `sealkeep://settings`
    Settings,
}

impl Link {
    /// Parses a link; `None` if it is not one of ours.
    pub(crate) fn parse(url: &Url) -> Option<Self> {
        if url.scheme() != "sealkeep" || url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let rest = url.path().trim_matches('/');
        let link = match url.host_str()? {
            "snapshots" => {
                let hex = rest.len() <= 64 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                return hex.then(|| Self::Snapshots { find: rest.to_owned() });
            }
            "home" => Self::Home,
            "devices" => Self::Devices,
            "activity" => Self::Activity,
            "settings" => Self::Settings,
            _ => return None,
        };
        rest.is_empty().then_some(link)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Link> {
        Link::parse(&Url::parse(text).unwrap())
    }

    #[test]
    fn links_lead_to_known_places_and_nowhere_else() {
        assert_eq!(parse("sealkeep://home"), Some(Link::Home));
        assert_eq!(parse("sealkeep://settings/"), Some(Link::Settings));
        assert_eq!(parse("sealkeep://snapshots"), Some(Link::Snapshots { find: String::new() }));
        assert_eq!(parse("sealkeep://snapshots/0a1b"), Some(Link::Snapshots { find: "0a1b".into() }));
        for other in [
            "https://home",
            "sealkeep:home",
            "sealkeep://restore/0a1b",
            "sealkeep://home/x",
            "sealkeep://home?x=1",
            "sealkeep://snapshots/<script>",
            "sealkeep://snapshots/../devices",
            "sealkeep://user@snapshots/0A1B",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
