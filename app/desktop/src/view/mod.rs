//! Data for the window. Plain values; `ui/src/bindings` has the same types for TypeScript.

mod account;
mod connection;
mod diagnostics;
mod input;
mod leave;
mod message;
mod restore;
mod run;
mod service;
mod snapshot;
mod source;
mod words;

use serde::Serialize;

#[cfg(any(test, target_os = "macos"))]
pub(crate) use self::words::MenuWords;
pub(crate) use self::{
    account::{
        AccountView, ActivityView, CodeStep, DeviceView, FactorStep, KitStep, SessionView, Strength,
        WordsView,
    },
    connection::ConnectionView,
    diagnostics::{DiagnosticsView, RunLogView},
    input::{RestoreTo, ScheduleInput},
    leave::{LeaveChoice, LeaveView, NextView, RunningView, Signal},
    message::Message,
    restore::{RestoredView, SuggestionView, TargetView},
    run::{Choice, Outcome, RunKind, RunStage, RunView, WaitView},
    service::ServiceView,
    snapshot::{ComparisonView, DetailsView, MarkView, SnapshotView},
    source::{OverviewView, PastRunView, ProbeView},
    words::{MenuAction, PanelWords},
};

/// Information about the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct AppInfo {
    /// The product's name.
    pub(crate) name: String,
    /// The program's version.
    pub(crate) version: String,
    /// The metadata service of new accounts.
    pub(crate) server: String,
    /// Whether the environment names it, so that the window cannot.
    pub(crate) server_fixed: bool,
    /// This machine's host name.
    pub(crate) host_name: String,
    /// Whether this build can update itself.
    pub(crate) updates: bool,
}

/// The user's settings for this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct PreferencesView {
    /// Upload limit for backups, kB per second.
    pub(crate) upload_limit: Option<u64>,
    /// Whether the app starts at login.
    pub(crate) autostart: bool,
    /// What closing the window does if no icon could bring it back; none: the window asks.
    pub(crate) on_close: Option<LeaveChoice>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use ts_rs::{Config, TS};

    use super::{
        account::{QrView, WrongWord},
        connection::AddressView,
        diagnostics::{LogKindView, LogLineView, SectionView},
        snapshot::{EvidenceView, MarkView, ProvenView, TableChangeView, TableView},
        source::{PastRunState, PastTargetView, ProtectionView, SourceView},
        *,
    };

    macro_rules! bindings {
        ($config:expr, $($type:ty),+ $(,)?) => {
            vec![$((<$type>::name($config), <$type>::export_to_string($config).unwrap())),+]
        };
    }

    /// `UPDATE_BINDINGS=1 cargo test -p sealkeep-desktop` rewrites them.
    #[test]
    fn bindings_are_current() {
        let config = &Config::new().with_large_int("number");
        let wanted = bindings!(
            config,
            AccountView,
            ActivityView,
            AddressView,
            AppInfo,
            Choice,
            CodeStep,
            ComparisonView,
            ConnectionView,
            DetailsView,
            DeviceView,
            DiagnosticsView,
            EvidenceView,
            FactorStep,
            KitStep,
            LeaveChoice,
            LeaveView,
            LogKindView,
            LogLineView,
            MarkView,
            MenuAction,
            MenuWords,
            Message,
            NextView,
            Outcome,
            OverviewView,
            PanelWords,
            PastRunState,
            PastRunView,
            PastTargetView,
            PreferencesView,
            ProbeView,
            ProtectionView,
            ProvenView,
            QrView,
            RestoredView,
            RunKind,
            RunLogView,
            RunStage,
            RunView,
            RunningView,
            SectionView,
            ServiceView,
            SessionView,
            Signal,
            SnapshotView,
            SourceView,
            Strength,
            SuggestionView,
            TargetView,
            WaitView,
            WordsView,
            WrongWord,
            TableChangeView,
            TableView,
            input::RestoreTo,
            input::ScheduleInput,
            crate::error::UiError,
            crate::text::PartView,
            crate::text::TextView,
            crate::link::Link,
        );
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/bindings");
        let update = std::env::var_os("UPDATE_BINDINGS").is_some();
        if update {
            fs::remove_dir_all(&folder).unwrap();
            fs::create_dir(&folder).unwrap();
        }
        for (name, text) in &wanted {
            let path = folder.join(format!("{name}.ts"));
            if update {
                fs::write(&path, text).unwrap();
            }
            assert_eq!(&fs::read_to_string(&path).unwrap_or_default(), text, "{} is stale", path.display());
        }
        let known: BTreeSet<String> = wanted.iter().map(|(name, _)| format!("{name}.ts")).collect();
        let there: BTreeSet<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(there, known);
    }
}
