//! Who may begin a sign-up or sign-in. Nobody can lock a name: callers are limited, and while a name is under attack,
//! callers that cannot be told from strangers solve a puzzle. Devices in the account's own directory are exempt.

use api_types::{AccountId, ErrorCode, puzzle::SolvedPuzzle};

use super::puzzle;
use crate::{
    db::{device, pending, pre_auth::PreAuthTx, rate_limit::Counter},
    domain::device::CheckedDevice,
    error::ApiError,
    network::Network,
    state::AppState,
};

const HOUR: i64 = 3600;
const MONTH: i64 = 30 * 86_400;

/// The caller, and the name asked for.
pub(crate) struct Attempt<'a> {
    pub(crate) email: &'a str,
    pub(crate) network: Option<Network>,
    pub(crate) device: &'a CheckedDevice,
    pub(crate) puzzle: Option<&'a SolvedPuzzle>,
}

/// Counters to decrement if the password turns out to be right.
pub(crate) type Counted = Vec<(String, Vec<u8>)>;

/// Counts a well-formed sign-in. Unknown addresses use a substitute account, so that both cases run the same queries.
pub(crate) async fn sign_in(
    state: &AppState,
    attempt: &Attempt<'_>,
    account: AccountId,
    now: i64,
) -> Result<Counted, ApiError> {
    let mut tx = PreAuthTx::begin(state.db()).await?;
    if device::is_approved(&mut tx, account, attempt.device).await? {
        let own = Counter {
            kind: "sign-in-device",
            key: state.keys().rate_key(&[b"device", account.as_bytes(), &attempt.device.signing_key]),
            window: HOUR,
        };
        let before = own.read(&mut tx, now).await?;
        if before < state.limits().sign_ins_per_device {
            own.add(&mut tx, now).await?;
            tx.commit().await?;
            return Ok(vec![(own.kind.to_owned(), own.key.to_vec())]);
        }
    }
    let name = Counter { kind: "sign-in", key: name_key(state, attempt.email), window: HOUR };
    let failures = name.read(&mut tx, now).await?;
    let threshold = state.limits().failures_before_puzzle;
    if failures >= threshold {
        require_puzzle(state, &mut tx, attempt, extra_bits(failures, threshold), now).await?;
    }
    let mut counted = count_near(state, &mut tx, "sign-in-near", attempt, now).await?;
    name.add(&mut tx, now).await?;
    counted.push((name.kind.to_owned(), name.key.to_vec()));
    tx.commit().await?;
    Ok(counted)
}

/// Counts a well-formed sign-up per network, with a puzzle if the name or the service has many in progress.
pub(crate) async fn sign_up(state: &AppState, attempt: &Attempt<'_>, now: i64) -> Result<(), ApiError> {
    let mut tx = PreAuthTx::begin(state.db()).await?;
    let limits = state.limits();
    let name = Counter { kind: "sign-up", key: name_key(state, attempt.email), window: HOUR };
    let tries = name.read(&mut tx, now).await?;
    let open = pending::open_sign_ups(&mut tx, now).await?;
    let (names, crowd) = (limits.failures_before_puzzle, limits.open_sign_ups_before_puzzle);
    if tries >= names || open >= crowd {
        let bits = extra_bits(tries, names).max(extra_bits(open, crowd));
        require_puzzle(state, &mut tx, attempt, bits, now).await?;
    }
    for (times, prefix) in attempt.network.map(Network::levels).unwrap_or_default() {
        let key = state.keys().rate_key(&[b"network", &prefix]);
        let counter = Counter { kind: "sign-up-network", key, window: HOUR };
        at_most(&mut tx, &counter, limits.sign_ups_per_network, times, now).await?;
    }
    count_near(state, &mut tx, "sign-up-near", attempt, now).await?;
    name.add(&mut tx, now).await?;
    Ok(tx.commit().await?)
}

/// Counts a new account for this network: without mail, nobody has proven an address.
pub(crate) async fn account(
    state: &AppState,
    tx: &mut PreAuthTx,
    network: Option<Network>,
    now: i64,
) -> Result<(), ApiError> {
    for (times, prefix) in network.map(Network::levels).unwrap_or_default() {
        let key = state.keys().rate_key(&[b"network", &prefix]);
        let counter = Counter { kind: "account-network", key, window: MONTH };
        at_most(tx, &counter, state.limits().accounts_per_network, times, now).await?;
    }
    Ok(())
}

fn name_key(state: &AppState, email: &str) -> [u8; 32] {
    state.keys().rate_key(&[b"name", email.as_bytes()])
}

/// Bits beyond the easiest puzzle: one per doubling, at most four.
fn extra_bits(count: i32, threshold: i32) -> u8 {
    let times = (count / threshold.max(1)).max(1);
    u8::try_from(times.ilog2()).unwrap_or(4).min(4)
}

/// Admits callers with a solved, unused puzzle.
async fn require_puzzle(
    state: &AppState,
    tx: &mut PreAuthTx,
    attempt: &Attempt<'_>,
    more_bits: u8,
    now: i64,
) -> Result<(), ApiError> {
    let keys = state.keys();
    let subject = keys.rate_key(&[b"subject", attempt.email.as_bytes(), &attempt.device.signing_key]);
    if let Some(solved) = attempt.puzzle
        && let Some(key) = puzzle::check(keys, &subject, solved, now)
    {
        let used = Counter { kind: "puzzle", key, window: puzzle::PUZZLE_SECS };
        if used.add(tx, now).await?.0 == 1 {
            return Ok(());
        }
    }
    let bits = state.limits().puzzle_bits.saturating_add(more_bits);
    Err(ApiError::new(ErrorCode::PuzzleRequired).puzzle(puzzle::issue(keys, &subject, bits, now)))
}

/// Counts an attempt on a name for this network and the prefixes that contain it.
async fn count_near(
    state: &AppState,
    tx: &mut PreAuthTx,
    kind: &'static str,
    attempt: &Attempt<'_>,
    now: i64,
) -> Result<Counted, ApiError> {
    let mut counted = Vec::new();
    for (times, prefix) in attempt.network.map(Network::levels).unwrap_or_default() {
        let key = state.keys().rate_key(&[attempt.email.as_bytes(), &prefix]);
        let counter = Counter { kind, key, window: HOUR };
        at_most(tx, &counter, state.limits().sign_ins_per_hour, times, now).await?;
        counted.push((kind.to_owned(), key.to_vec()));
    }
    Ok(counted)
}

async fn at_most(
    tx: &mut PreAuthTx,
    counter: &Counter,
    limit: i32,
    times: u32,
    now: i64,
) -> Result<(), ApiError> {
    let most = limit.saturating_mul(i32::try_from(times).unwrap_or(1));
    let (count, left) = counter.add(tx, now).await?;
    if count > most { Err(ApiError::new(ErrorCode::RateLimited).retry_after(left)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::extra_bits;

    #[test]
    fn work_grows_by_a_bit_per_doubling_and_not_for_ever() {
        let bits = [0, 30, 59, 60, 119, 120, 240, 480, 100_000].map(|count| extra_bits(count, 30));
        assert_eq!(bits, [0, 0, 0, 1, 1, 2, 3, 4, 4]);
    }
}
