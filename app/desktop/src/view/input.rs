//! What the window says.

use client_core::ops::schedule::Schedule;
use serde::{Deserialize, Serialize};

/// How often a source is backed up, as the window says it: client-core stores its own form, which is a file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) enum ScheduleInput {
    /// When somebody asks for it.
    Manual,
    /// An hour after the last one.
    Hour,
    /// Each day.
    Day {
        /// 0–23.
        hour: i8,
        /// 0–59.
        minute: i8,
    },
    /// Each week.
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
    /// A database; it is made when it does not exist.
    Database {
        /// Its URL.
        url: String,
        /// Its name, typed once more: what is in it is replaced.
        replace: String,
        /// It may be the one that was backed up.
        onto_source: bool,
    },
}
