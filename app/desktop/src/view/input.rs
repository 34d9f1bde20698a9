//! Input from the window.

use client_core::ops::schedule::Schedule;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How often a source is backed up, in the window's form: client-core's form is a file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum ScheduleInput {
    /// Only on demand.
    Manual,
    /// An hour after the last backup.
    Hour,
    /// Daily.
    Day {
        /// 0–23.
        hour: i8,
        /// 0–59.
        minute: i8,
    },
    /// Weekly.
    Week {
        /// 1 (Monday) – 7 (Sunday).
        weekday: i8,
        /// 0–23.
        hour: i8,
        /// 0–59.
        minute: i8,
    },
}

impl From<ScheduleInput> for Schedule {
    fn from(input: ScheduleInput) -> Self {
        match input {
            ScheduleInput::Manual => Self::Manual,
            ScheduleInput::Hour => Self::Hour,
            ScheduleInput::Day { hour, minute } => Self::Day { hour, minute },
            ScheduleInput::Week { weekday, hour, minute } => Self::Week { weekday, hour, minute },
        }
    }
}

impl From<Schedule> for ScheduleInput {
    fn from(schedule: Schedule) -> Self {
        match schedule {
            Schedule::Manual => Self::Manual,
            Schedule::Hour => Self::Hour,
            Schedule::Day { hour, minute } => Self::Day { hour, minute },
            Schedule::Week { weekday, hour, minute } => Self::Week { weekday, hour, minute },
        }
    }
}

/// Where a snapshot is restored to.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum RestoreTo {
    /// A new file.
    File {
        /// Its full path.
        path: String,
    },
    /// A database; it is created if it does not exist.
    Database {
        /// Its URL.
        url: String,
        /// The saved source whose password it gets if server and user are the same.
        #[cfg_attr(test, ts(type = "string | null"))]
        like: Option<Uuid>,
        /// Its name, typed again to confirm that its contents are replaced.
        replace: String,
        /// Allow it to be the one that was backed up.
        onto_source: bool,
    },
}
