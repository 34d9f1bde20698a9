//! All lies, with their number in the design, routes, scene, and what they wait for if they still succeed. And all
//! promises: what random histories check, and what waits with a lie.

use e2e::liar::{
    edits::*,
    lie::Route,
    promise::Kept,
    store_lies::{STORE, STORE_PUT},
    world::World,
};

use super::{answers, devices, history, index, session, store};

/// Whether a lie is detected.
#[derive(Debug, Clone, Copy)]
pub(crate) enum State {
    /// It is detected: no promise may break.
    Answered,
    /// It succeeds until this finding is fixed; then it leaves the list.
    WaitsFor(&'static str),
}

/// A lie.
pub(crate) struct Told {
    /// Its number in `client-core/docs/threat-model.md`, *A service that lies*.
    pub(crate) number: u8,
    /// The part of it.
    pub(crate) part: &'static str,
    /// Routes with false responses.
    pub(crate) routes: &'static [Route],
    /// Whether it is detected.
    pub(crate) state: State,
    /// Tells the lie and checks what the devices do.
    pub(crate) scene: fn(&mut World) -> Kept,
}

impl Told {
    pub(crate) fn name(&self) -> String {
        format!("L{} {}", self.number, self.part)
    }
}

/// A promise, or a part of it.
pub(crate) struct Promised {
    /// Its number in `client-core/docs/threat-model.md`, *A service that lies*.
    pub(crate) number: u8,
    /// The part of it.
    pub(crate) part: &'static str,
    /// The lie that still breaks it, by its name in [`LIES`]; without one, every random history checks it.
    pub(crate) broken_by: Option<&'static str>,
}

macro_rules! promises {
    ($($number:literal $part:literal $(waits_with $lie:literal)?;)+) => {
        /// All promises.
        pub(crate) const PROMISES: &[Promised] =
            &[$(Promised { number: $number, part: $part, broken_by: promises!(@ $($lie)?) }),+];
    };
    (@) => { None };
    (@ $lie:literal) => { Some($lie) };
}

promises! {
    1 "a restore gives what was backed up, and nothing older than what was seen";
    2 "rows in reverse, and rows twice, give the same view or an error";
    2 "rows of several devices in another order" waits_with "L15 rows in another order";
    3 "what was shown stays shown, or it is an error";
    3 "what others were shown" waits_with "L11 the last row hidden from a device that saw nothing";
    4 "keys stay";
    5 "the words open the vault, and everything restores, when the lies have ended";
    6 "what is sealed after a revocation" waits_with "L1 what is sealed later opens with a revoked device's keys";
    7 "one head for one sequence, once the service took it";
    7 "also when the commit is denied" waits_with "L12 a commit is taken and denied";
    7 "also when it is never sent" waits_with "L12 a snapshot is stored and called refused";
    8 "time, memory and requests";
    9 "a lie to one device is found by another" waits_with "L10 two services";
    10 "no key and no plaintext leaves";
}

macro_rules! lies {
    ($($number:literal $part:literal [$($route:ident),*] $scene:path $(, $state:ident $finding:literal)?;)+) => {
        /// All lies. 21 comes with *trust*, 25 with *retention*; 31 and 32 are responses that the design does not
        /// number.
        pub(crate) const LIES: &[Told] = &[$(Told {
            number: $number,
            part: $part,
            routes: &[$($route),*],
            state: lies!(@ $($state $finding)?),
            scene: $scene,
        }),+];
    };
    (@) => { State::Answered };
    (@ waits_for $finding:literal) => { State::WaitsFor($finding) };
}

lies! {
    1 "a revocation is swallowed" [REVOKE] devices::revocation_swallowed, waits_for "H3, issue trust";
    1 "what is sealed later opens with a revoked device's keys" [] devices::sealed_later, waits_for "H1, issue trust";
    2 "a new device's entry is swallowed" [APPEND] devices::entry_swallowed, waits_for "H3, issue trust";
    3 "a device is frozen below what it saw" [SNAPSHOTS, DIRECTORY] history::frozen;
    3 "a device is frozen before it looked" [SNAPSHOTS, DIRECTORY, OBJECTS] history::frozen_unseen, waits_for "H4 and H5, issue trust";
    4 "snapshots without the log they name" [DIRECTORY] devices::log_hidden, waits_for "H5, issue trust";
    5 "an old log for a new device" [DIRECTORY, APPEND] devices::old_log, waits_for "H5 and H6, issue trust";
    6 "a log that is changed" [DIRECTORY] devices::log_changed;
    6 "an entry by a revoked device" [DIRECTORY] devices::entry_by_thief, waits_for "N1, issue trust";
    7 "a revoked device is added again" [DIRECTORY] devices::added_again, waits_for "N1, issue trust";
    8 "names are swapped" [DEVICES] devices::names_swapped, waits_for "N2, issue trust";
    9 "a device is hidden" [DEVICES] devices::device_hidden, waits_for "N2, issue trust";
    10 "two services" [SNAPSHOTS, COMMIT] history::forked, waits_for "H4 (C-b), issue trust";
    11 "rows dropped, doubled, changed" [SNAPSHOTS] history::rows_changed;
    11 "the last row hidden from a device that saw nothing" [SNAPSHOTS] history::last_row_hidden, waits_for "H5, issue trust";
    12 "a commit is taken and denied" [COMMIT, SNAPSHOTS] history::commit_denied, waits_for "N4, issue trust";
    12 "a snapshot is stored and called refused" [STORE_PUT] history::never_committed, waits_for "N4, issue trust";
    13 "a commit is not kept" [COMMIT] history::commit_dropped;
    14 "the index is junk" [OBJECTS, READ_URLS] index::junk;
    14 "an index of objects that nobody holds" [OBJECTS] index::many_rows;
    14 "a segment of a revoked device" [OBJECTS, READ_URLS] index::segment_of_thief, waits_for "N3, issue trust";
    15 "rows in another order" [SNAPSHOTS] history::reordered, waits_for "H4, issue trust";
    16 "stored, though nothing is" [CONFIRM, GRANTS] store::nothing_stored;
    17 "packs are called missing" [COMMIT] store::called_missing;
    18 "a read leads elsewhere" [READ_URLS] store::read_elsewhere;
    18 "an upload leads elsewhere" [GRANTS] store::upload_elsewhere;
    19 "another vault at sign-in" [SECOND_FACTOR] session::other_vault;
    20 "the audit trail is changed" [AUDIT] answers::audit_changed;
    20 "the audit trail is shortened" [AUDIT] answers::audit_shortened, waits_for "H4 (C-b: receipts pin the trail), issue trust";
    22 "a recovery file that is none" [KEYS] devices::recovery_damaged;
    22 "a forged recovery file" [KEYS] devices::recovery_forged, waits_for "H6, issue trust";
    22 "a recovery file of another epoch" [KEYS] devices::recovery_of_another_epoch, waits_for "H1 and H6, issue trust";
    23 "the clock" [KEYS, SERVICE] answers::clock_moved;
    24 "endless pages" [SNAPSHOTS, OBJECTS] answers::endless_pages;
    24 "answers that are too much" [DIRECTORY, SNAPSHOTS] answers::too_much;
    24 "refusals of every kind" [SNAPSHOTS] answers::refusals;
    26 "another sign-in" [SIGN_IN, SIGN_IN_FINISH] session::other_sign_in;
    26 "an answer of yesterday" [SIGN_IN] session::yesterdays_sign_in;
    27 "the session" [REFRESH, SIGN_OUT] session::refreshed_wrongly;
    27 "tokens of another time and of another device" [REFRESH] session::refreshed_with_others;
    28 "the store gives other bytes" [STORE] store::other_bytes;
    29 "a pack of somebody else's making" [STORE] store::foreign_pack;
    30 "a home from an older disk image" [] history::older_home;
    30 "the memory is gone or old" [SNAPSHOTS, DIRECTORY] history::memory_lost;
    30 "the older home says so" [] history::older_home_silent, waits_for "M-12 (C-f: the floor beside the key), issue trust";
    31 "answers that decide nothing" [SERVICE, RUNS, START, DEVICES, AUDIT, KEYS, SNAPSHOTS, ABORT] answers::nothing_decided;
    31 "snapshots under other names" [SNAPSHOTS] history::renamed;
    32 "sign-up" [SIGN_UP, SIGN_UP_FINISH, SIGN_UP_CONFIRM] session::signed_up_wrongly;
    32 "a vault's first keys are swallowed" [INIT] session::first_keys_swallowed, waits_for "H3, issue trust";
    32 "changes of how a person signs in" [PASSWORD, PASSWORD_FINISH, CODES, AUTHENTICATOR, AUTHENTICATOR_CONFIRM] session::changed_wrongly;
}
