//! How long an operation waits for an unreachable peer, what it reports meanwhile, and who can stop the wait.

pub mod retry_after;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use crate::event::Peer;
use crate::event::{Event, Observer, Silent};

/// The wait at the start of an operation: someone is watching, and nothing is lost yet.
const AT_START: Duration = Duration::from_secs(15);
/// Outages shorter than this are not reported.
const REPORTED_AFTER: Duration = Duration::from_millis(1500);
/// A request without any answer for this long is reported.
const SLOW_ANSWER: Duration = Duration::from_millis(2500);
/// How often the report is repeated, with the elapsed time.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Upper limit of the wait that a peer can ask for.
const MAX_WANTED: Duration = Duration::from_secs(24 * 3600);
/// The longest pause between two of our own attempts, before jitter.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// The waiting policy of an operation, shared by its requests.
pub struct Patience {
    at_start: Duration,
    in_a_run: Duration,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
    running: AtomicBool,
    ending: AtomicBool,
    /// When the outage began, so that concurrent requests report it only once.
    away: RwLock<Option<Instant>>,
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMore {
    /// The time to wait is used up.
    Exhausted,
    /// Cancelled by the user.
    Cancelled,
}

impl Default for Patience {
    /// The policy for the start of an operation, without an observer.
    fn default() -> Self {
        Self::new(AT_START, Arc::new(Silent), CancellationToken::new())
    }
}

impl Patience {
    /// Waits for up to `in_a_run` once [`Patience::begin_run`] has been called.
    #[must_use]
    pub fn new(in_a_run: Duration, observer: Arc<dyn Observer>, cancel: CancellationToken) -> Self {
        let (running, ending) = (AtomicBool::new(false), AtomicBool::new(false));
        Self {
            at_start: AT_START.min(in_a_run),
            in_a_run,
            observer,
            cancel,
            running,
            ending,
            away: RwLock::new(None),
        }
    }

    /// From here on there is work to lose, so requests wait longer.
    pub fn begin_run(&self) {
        self.running.store(true, Ordering::Relaxed);
    }

    /// From here on nothing waits and nothing can be cancelled: what is still sent is a courtesy.
    pub fn end_run(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// A request to `peer`, which may take several attempts.
    #[must_use]
    pub fn request(&self, peer: Peer, first_pause: Duration) -> Request<'_> {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(first_pause)
            .with_max_delay(MAX_PAUSE)
            .without_max_times()
            .with_jitter()
            .build();
        Request { patience: self, peer, pauses, failing: None, spoke: false }
    }

    /// How long a request that starts now may wait.
    #[must_use]
    pub fn longest(&self) -> Duration {
        if self.ending.load(Ordering::Relaxed) {
            Duration::ZERO
        } else if self.running.load(Ordering::Relaxed) {
            self.in_a_run
        } else {
            self.at_start
        }
    }

    /// Runs the proof of work that the service demands, which takes about `about` seconds, and reports progress.
    ///
    /// # Errors
    /// [`NoMore::Cancelled`].
    pub async fn working<T>(&self, about: u64, work: impl Future<Output = T>) -> Result<T, NoMore> {
        let began = Instant::now();
        let mut work = std::pin::pin!(work);
        loop {
            self.observer.event(&Event::Proving { seconds: began.elapsed().as_secs(), about });
            tokio::select! {
                biased;
                () = self.cancelled() => return Err(NoMore::Cancelled),
                done = timeout(REPORT_INTERVAL, &mut work) => if let Ok(done) = done {
                    self.observer.event(&Event::Proven);
                    return Ok(done);
                },
            }
        }
    }

    async fn cancelled(&self) {
        if self.ending.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.cancel.cancelled().await;
    }

    /// When the outage began, according to the first request that noticed it.
    fn away_since(&self, noticed: Instant) -> Instant {
        *self.away.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(noticed)
    }
}

/// One request and its attempts.
pub struct Request<'a> {
    patience: &'a Patience,
    peer: Peer,
    pauses: ExponentialBackoff,
    /// When the current series of failed attempts began.
    failing: Option<Instant>,
    spoke: bool,
}

impl Request<'_> {
    /// Makes an attempt. Reports it when no answer comes for some seconds.
    ///
    /// # Errors
    /// [`NoMore::Cancelled`].
    pub async fn attempt<T>(&mut self, attempt: impl Future<Output = T>) -> Result<T, NoMore> {
        let began = Instant::now();
        let mut attempt = std::pin::pin!(attempt);
        let mut silent = SLOW_ANSWER;
        loop {
            tokio::select! {
                biased;
                () = self.patience.cancelled() => return Err(NoMore::Cancelled),
                answer = timeout(silent, &mut attempt) => match answer {
                    Ok(answer) => return Ok(answer),
                    Err(_) => self.report(self.failing.unwrap_or(began)),
                },
            }
            silent = REPORT_INTERVAL;
        }
    }

    /// An attempt whose silence is not an outage: bytes are being transferred.
    ///
    /// # Errors
    /// [`NoMore::Cancelled`].
    pub async fn transfer<T>(&mut self, attempt: impl Future<Output = T>) -> Result<T, NoMore> {
        tokio::select! {
            biased;
            () = self.patience.cancelled() => Err(NoMore::Cancelled),
            answer = attempt => Ok(answer),
        }
    }

    /// Waits before the next attempt, at least for `retry_after` if the peer asked for that and there is time for it.
    ///
    /// # Errors
    /// There is no next attempt.
    pub async fn pause(&mut self, retry_after: Option<Duration>) -> Result<(), NoMore> {
        let now = Instant::now();
        let since = *self.failing.get_or_insert(now);
        let until = since + self.patience.longest();
        let wanted = retry_after.unwrap_or_default().min(MAX_WANTED);
        let pause = self.pauses.next().unwrap_or(MAX_PAUSE).max(wanted);
        if now >= until || now + wanted > until {
            return Err(NoMore::Exhausted);
        }
        // The last attempt happens at the deadline, not after it.
        let wake = (now + pause).min(until);
        loop {
            let now = Instant::now();
            if now >= wake {
                return Ok(());
            }
            if now.duration_since(since) >= REPORTED_AFTER {
                self.report(since);
            }
            tokio::select! {
                biased;
                () = self.patience.cancelled() => return Err(NoMore::Cancelled),
                () = sleep((wake - now).min(REPORT_INTERVAL)) => {}
            }
        }
    }

    /// How long the peer has been failing, seconds.
    #[must_use]
    pub fn failing_for(&self) -> u64 {
        self.failing.map_or(0, |since| since.elapsed().as_secs())
    }

    /// The peer has answered.
    pub fn answered(&mut self) {
        self.failing = None;
        if std::mem::take(&mut self.spoke)
            && self.patience.away.write().unwrap_or_else(PoisonError::into_inner).take().is_some()
        {
            self.patience.observer.event(&Event::Reachable);
        }
    }

    fn report(&mut self, since: Instant) {
        self.spoke = true;
        let since = self.patience.away_since(since);
        let limit = self.patience.longest();
        self.patience.observer.event(&Event::Away {
            peer: self.peer,
            seconds: since.elapsed().as_secs(),
            limit: limit.as_secs(),
        });
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<Event>>);

    impl Observer for Seen {
        fn event(&self, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    const PAUSE: Duration = Duration::from_millis(20);
    /// Scaled down: from seconds, and from a quarter of an hour.
    const START: Duration = Duration::from_millis(200);
    const RUN: Duration = Duration::from_millis(2500);
    /// Slack for a busy machine.
    const SLACK: Duration = Duration::from_secs(2);

    fn patience() -> (Patience, Arc<Seen>, CancellationToken) {
        let (seen, cancel) = (Arc::new(Seen::default()), CancellationToken::new());
        let patience = Patience::new(RUN, Arc::<Seen>::clone(&seen) as Arc<dyn Observer>, cancel.clone());
        (Patience { at_start: START, ..patience }, seen, cancel)
    }

    async fn exhaust(request: &mut Request<'_>) -> Duration {
        let began = Instant::now();
        while request.pause(None).await.is_ok() {}
        began.elapsed()
    }

    #[tokio::test]
    async fn a_run_waits_long_its_start_briefly_and_its_end_not_at_all() {
        let (patience, seen, _cancel) = patience();
        let waited = exhaust(&mut patience.request(Peer::Service, PAUSE)).await;
        assert!((START..START + SLACK).contains(&waited), "{waited:?}");
        assert!(seen.0.lock().unwrap().is_empty(), "short outages are not reported");
        patience.begin_run();
        let mut request = patience.request(Peer::Store, PAUSE);
        let waited = exhaust(&mut request).await;
        assert!((RUN..RUN + SLACK).contains(&waited), "{waited:?}");
        let first = seen.0.lock().unwrap().first().cloned();
        assert!(
            matches!(first, Some(Event::Away { peer: Peer::Store, seconds: 1..=3, limit: 2 })),
            "{first:?}"
        );
        request.answered();
        assert_eq!(seen.0.lock().unwrap().last(), Some(&Event::Reachable));
        patience.end_run();
        assert!(exhaust(&mut patience.request(Peer::Store, PAUSE)).await < START);
    }

    #[tokio::test]
    async fn what_a_peer_asks_for_is_waited_for_within_bounds() {
        let (patience, _, _cancel) = patience();
        patience.begin_run();
        let mut request = patience.request(Peer::Service, PAUSE);
        let began = Instant::now();
        let second = Duration::from_secs(1);
        request.pause(Some(second)).await.unwrap();
        assert!(began.elapsed() >= second);
        // The time left is too short for what the peer asks: fail now.
        let asked = Instant::now();
        assert_eq!(request.pause(Some(RUN)).await, Err(NoMore::Exhausted));
        assert_eq!(request.pause(Some(Duration::MAX)).await, Err(NoMore::Exhausted));
        assert!(asked.elapsed() < second);
        // Each outage has its own time limit.
        request.answered();
        request.pause(Some(second)).await.unwrap();
    }

    #[tokio::test]
    async fn cancelling_ends_a_pause_and_an_attempt_at_once() {
        let (patience, _, cancel) = patience();
        let patience = Patience { in_a_run: Duration::from_secs(900), ..patience };
        patience.begin_run();
        let mut request = patience.request(Peer::Service, PAUSE);
        let began = Instant::now();
        let soon = cancel.clone();
        tokio::spawn(async move {
            sleep(START).await;
            soon.cancel();
        });
        assert_eq!(request.pause(Some(Duration::from_secs(600))).await, Err(NoMore::Cancelled));
        assert!(began.elapsed() < START + SLACK);
        assert_eq!(request.attempt(std::future::pending::<()>()).await, Err(NoMore::Cancelled));
        assert_eq!(request.transfer(std::future::pending::<()>()).await, Err(NoMore::Cancelled));
        // Requests after the run's end are still sent.
        patience.end_run();
        assert_eq!(request.attempt(async { 1 }).await, Ok(1));
    }

    #[tokio::test]
    async fn work_for_the_service_counts_its_seconds_and_can_be_left() {
        let (patience, seen, cancel) = patience();
        patience.working(5, sleep(Duration::from_millis(1200))).await.unwrap();
        let told = std::mem::take(&mut *seen.0.lock().unwrap());
        let counted = |seconds| Event::Proving { seconds, about: 5 };
        assert_eq!(told, [counted(0), counted(1), Event::Proven]);
        cancel.cancel();
        assert_eq!(patience.working(5, std::future::pending::<()>()).await, Err(NoMore::Cancelled));
    }

    #[tokio::test]
    async fn silence_is_reported_within_three_seconds_and_so_is_its_end() {
        let (patience, seen, _cancel) = patience();
        let mut request = patience.request(Peer::Service, PAUSE);
        request.attempt(sleep(Duration::from_millis(2900))).await.unwrap();
        request.answered();
        let seen = seen.0.lock().unwrap().clone();
        assert!(matches!(seen.as_slice(), [Event::Away { seconds: 2, .. }, Event::Reachable]), "{seen:?}");
    }
}
