//! Compares a dump with the previous ones. A source that shrinks to almost nothing, or turns into something else, must
//! not silently become the newest snapshot.

use api_types::SourceId;

use super::OpenVault;
use crate::{
    error::{Error, ErrorKind},
    format::snapshot::Remark,
    text,
    text::Part,
};

/// How many of the source's snapshots are compared.
const LAST: usize = 5;
/// A dump smaller than the median divided by this is unusual.
const PART: u64 = 10;

/// What is unusual about a dump of `bytes` bytes.
///
/// # Errors
/// [`ErrorKind::UnusualDump`], unless `force` is given.
pub(super) async fn remarks(
    vault: &OpenVault,
    source: SourceId,
    (bytes, format): (u64, &str),
    force: bool,
) -> Result<Vec<Remark>, Error> {
    let of_source =
        vault.history().snapshots().iter().rev().filter(|listed| listed.envelope.source == source);
    let (mut sizes, mut last_format) = (Vec::new(), None);
    for listed in of_source.take(LAST) {
        match vault.body(listed).await {
            Ok(body) => {
                sizes.push((body.plain_size, body.remarks.contains(&Remark::Smaller)));
                last_format.get_or_insert(body.format);
            }
            // A damaged snapshot must not prevent new ones.
            Err(error) => tracing::warn!(%error, "a snapshot could not be compared with"),
        }
    }
    let mut remarks = Vec::new();
    let mut unusual = Vec::new();
    if let Some(usual) = usual(&sizes)
        && bytes.saturating_mul(PART) < usual
    {
        remarks.push(Remark::Smaller);
        unusual.push(text!("has {bytes} bytes where {usual} are usual", bytes, usual));
    }
    if let Some(last) = last_format.filter(|last| last != format) {
        remarks.push(Remark::OtherFormat);
        unusual.push(text!("is \"{format}\" where the last one was \"{last}\"", format, last));
    }
    if unusual.is_empty() || force {
        return Ok(remarks);
    }
    Err(Error::new(
        ErrorKind::UnusualDump,
        text!(
            "this dump is not like the source's last ones: it {how}",
            how = Part::List(unusual, ", and it ")
        ),
        "no snapshot was created; earlier snapshots are untouched",
        "look whether the source is what it should be; if it is, run the backup again with --force",
    ))
}

/// The median size of the dumps that were not themselves flagged as small. If all were, the user has accepted the
/// size every time, so it is normal now.
fn usual(sizes: &[(u64, bool)]) -> Option<u64> {
    let all_smaller = sizes.iter().all(|(_, smaller)| *smaller);
    let mut counted: Vec<u64> =
        sizes.iter().filter(|(_, smaller)| all_smaller || !smaller).map(|(size, _)| *size).collect();
    median(&mut counted)
}

fn median(sizes: &mut [u64]) -> Option<u64> {
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_size_among_five_is_not_what_is_usual() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [7]), Some(7));
        assert_eq!(median(&mut [1_000, 1, 1_010, 990, 1_000_000]), Some(1_000));
    }

    #[test]
    fn forced_small_dumps_do_not_make_small_usual() {
        let (large, forced) = ((1_000_000, false), (10, true));
        for forced_ones in 0..LAST {
            let sizes = [vec![forced; forced_ones], vec![large; LAST - forced_ones]].concat();
            assert_eq!(usual(&sizes), Some(1_000_000), "after {forced_ones} forced ones");
        }
        assert_eq!(usual(&[forced; LAST]), Some(10), "until nothing else is left");
        assert_eq!(usual(&[]), None);
    }
}
