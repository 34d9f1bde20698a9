//! The creation time signed into a snapshot: by the device's own clock, not the service's, which could shift it; and
//! never earlier than what this device has already signed. Other devices' timestamps cannot stop this one: a thief may
//! hold one of them.

use crate::{
    error::{Error, ErrorKind},
    ops::select::short,
    text,
    vault::{History, ListedSnapshot},
};

use api_types::DeviceId;

/// Clocks of a vault's devices may differ by this much, seconds.
const TOLERANCE: i64 = 3600;
/// A timestamp further ahead than this comes from a wrong clock, seconds.
const MAX_AHEAD: i64 = 24 * 3600;

/// The time to sign, and what the user should know about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moment<'a> {
    /// Seconds since 1970.
    pub(super) created: i64,
    /// Another device's snapshot that is furthest ahead, and by how much, seconds.
    pub(super) ahead: Option<(&'a ListedSnapshot, i64)>,
}

/// The creation time for a snapshot made at `now`.
///
/// # Errors
/// [`ErrorKind::ClockSkew`] if this device's clock is more than a day behind a time that it signed itself.
pub(super) fn moment(history: &History, device: DeviceId, now: i64) -> Result<Moment<'_>, Error> {
    of(history.snapshots(), device, now)
}

fn of(snapshots: &[ListedSnapshot], device: DeviceId, now: i64) -> Result<Moment<'_>, Error> {
    let (own, others): (Vec<&ListedSnapshot>, Vec<_>) =
        snapshots.iter().partition(|listed| listed.envelope.device == device);
    let created = |listed: &&ListedSnapshot| listed.envelope.created;
    let own = own.into_iter().max_by_key(created);
    if let Some(last) = own.filter(|last| created(last).saturating_sub(now) > MAX_AHEAD) {
        return Err(Error::new(
            ErrorKind::ClockSkew,
            text!(
                "this machine's clock is {hours} hours behind its own snapshot {id}",
                hours = created(&last).saturating_sub(now) / 3600,
                id = short(last.id)
            ),
            "nothing was backed up; earlier snapshots are untouched",
            "set the clock (timedatectl), then run the backup again; if it is right now, it was wrong for that \
             snapshot: sign this machine in as a new device (sealkeep logout, then sealkeep login)",
        ));
    }
    // Anything further ahead is a wrong clock or a lie, and need not be followed.
    let believable =
        others.iter().map(created).filter(|created| created.saturating_sub(now) <= MAX_AHEAD).max();
    let ahead = others.into_iter().max_by_key(created);
    let ahead = ahead.map(|listed| (listed, created(&listed).saturating_sub(now)));
    let created = now
        .max(own.as_ref().map_or(now, created))
        .max(believable.map_or(now, |newest| newest.saturating_sub(TOLERANCE)));
    Ok(Moment { created, ahead: ahead.filter(|(_, by)| *by > TOLERANCE) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use api_types::{HeadHash, Sha256, SnapshotId, SourceId, VaultId, envelope::SnapshotEnvelope};

    use super::*;

    const NOW: i64 = 1_000_000;
    const THIS: DeviceId = DeviceId::from_bytes([1; 16]);
    const OTHER: DeviceId = DeviceId::from_bytes([2; 16]);

    fn snapshot(number: u8, device: DeviceId, created: i64) -> ListedSnapshot {
        let zero = Sha256::new([0; 32]);
        let envelope = SnapshotEnvelope {
            vault: VaultId::from_bytes([9; 16]),
            source: SourceId::from_bytes([3; 16]),
            device,
            sequence: 0,
            previous: HeadHash::new([0; 32]),
            body_hash: zero,
            body_len: 1,
            pack_set_hash: zero,
            epoch: 1,
            created,
            directory_len: 2,
            directory_hash: zero,
            heads_hash: zero,
        };
        ListedSnapshot { id: SnapshotId::new([number; 32]), envelope, head_hash: HeadHash::new([number; 32]) }
    }

    #[test]
    fn n90_signed_times_follow_the_devices_clock_and_never_go_back() {
        let own = |created| snapshot(1, THIS, created);
        let other = |created| snapshot(2, OTHER, created);
        let created = |snapshots: &[ListedSnapshot]| of(snapshots, THIS, NOW).unwrap().created;
        assert_eq!(created(&[]), NOW);
        assert_eq!(created(&[own(NOW - 50), other(NOW - 10)]), NOW);
        assert_eq!(created(&[own(NOW + 50)]), NOW + 50, "not before one's own last");
        let behind = [own(NOW), other(NOW + 2 * TOLERANCE)];
        let moment = of(&behind, THIS, NOW).unwrap();
        assert_eq!(moment.created, NOW + TOLERANCE, "not long before what it builds on");
        assert_eq!(moment.ahead, Some((&behind[1], 2 * TOLERANCE)));
        assert_eq!(of(&[other(NOW + TOLERANCE)], THIS, NOW).unwrap().ahead, None);
        let error = of(&[own(NOW + MAX_AHEAD + 1)], THIS, NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ClockSkew);
    }

    /// M-8: one snapshot signed ten years ahead would otherwise stop every device for ten years.
    #[test]
    fn what_a_stolen_device_signs_ahead_stops_no_other_one() {
        let years = 10 * 365 * 24 * 3600;
        let listed =
            [snapshot(1, THIS, NOW - 5), snapshot(2, OTHER, NOW - 9), snapshot(3, OTHER, NOW + years)];
        let moment = of(&listed, THIS, NOW).unwrap();
        assert_eq!(moment.created, NOW, "its time is not taken over");
        assert_eq!(moment.ahead, Some((&listed[2], years)), "it is named");
        for lie in [i64::MAX, i64::MIN] {
            assert_eq!(of(&[snapshot(4, OTHER, lie)], THIS, NOW).unwrap().created, NOW);
        }
    }
}
