//! Random histories: who does what, and who is lied to meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    Telling,
    edits::EDITS,
    lie::{Answer, On, Route, Seen, get},
    promise::{
        ANY, Broken, Kept, REQUESTS, ROLLED_BACK, Secrets, ends, promise, run, signed_once, was_backed_up,
    },
    world::{CANARY, SHOP, World, content, id},
};
use crate::{call::Outcome, device::Device, failure::Failure};

/// Devices of a history.
const DEVICES: usize = 4;
/// Changes that any history may meet. Those of other numbers are played as scenes, or wait for what answers them.
const TOLD: [u8; 7] = [6, 11, 13, 14, 16, 18, 31];
/// Any object.
pub const STORE: Route = get("*");

/// A change of what the store gives.
pub type StoreLie = (&'static str, fn(&Seen, Answer) -> Answer);

/// What a store can do to a device that fetches an object. The service's own requests are left alone.
pub const STORE_LIES: &[StoreLie] = &[
    ("a bit flipped", |_, answer| {
        change(answer, |bytes| {
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
        })
    }),
    ("cut", |_, answer| change(answer, |bytes| bytes.truncate(bytes.len() / 2))),
    ("longer", |_, answer| change(answer, |bytes| bytes.extend_from_slice(&[0; 100]))),
    ("other bytes of that length", |_, answer| change(answer, |bytes| bytes.fill(0x5a))),
    ("gone", |_, _| Answer::bytes(404, Bytes::new())),
    ("a redirect", |_, _| Answer::bytes(302, Bytes::new())),
];

fn change(answer: Answer, change: impl FnOnce(&mut Vec<u8>)) -> Answer {
    let mut bytes = answer.body.to_vec();
    change(&mut bytes);
    Answer { body: bytes.into(), ..answer }
}

/// As a lie that can be told.
#[must_use]
pub fn store_lie((_, change): StoreLie) -> On {
    On::route(STORE).does(move |seen, answer| if seen.presigned() { change(seen, answer) } else { answer })
}

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A device backs up something new.
    Backup(usize),
    /// It restores the newest.
    Restore(usize),
    /// It lists.
    List(usize),
    /// It checks.
    Check(usize),
    /// From here on an answer is changed, for one device or for all.
    Lie(usize, Option<usize>),
    /// From here on the store changes what it gives.
    StoreLie(usize),
    /// All lies end.
    Truth,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let edits = EDITS.iter().filter(|edit| TOLD.contains(&edit.lie)).count();
    let step = prop_oneof![
        3 => (0..DEVICES).prop_map(Step::Backup),
        3 => (0..DEVICES).prop_map(Step::Restore),
        2 => (0..DEVICES).prop_map(Step::List),
        1 => (0..DEVICES).prop_map(Step::Check),
        4 => (0..edits, prop::option::of(0..DEVICES)).prop_map(|(edit, to)| Step::Lie(edit, to)),
        1 => (0..STORE_LIES.len()).prop_map(Step::StoreLie),
        2 => Just(Step::Truth),
    ];
    prop::collection::vec(step, 5..12)
}

/// The history of a seed.
///
/// # Errors
/// The strategy makes none.
pub fn history(seed: u64) -> Result<Vec<Step>, Failure> {
    let mut bytes = [0; 32];
    if let Some(first) = bytes.get_mut(..8) {
        first.copy_from_slice(&seed.to_le_bytes());
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = steps().new_tree(&mut runner);
    tree.map(|tree| tree.current()).map_err(|reason| Failure::new(reason.message().to_owned()))
}

/// What everybody knows, and each device at least.
struct Play<'a> {
    world: &'a World,
    devices: Vec<(Device, Secrets)>,
    /// Everything that was given to a backup, oldest first.
    contents: Vec<Vec<u8>>,
    /// Which of them surely became snapshots.
    committed: usize,
    /// Of each device: the newest that it surely saw or signed.
    saw: Vec<usize>,
    lies: Vec<Telling>,
    told: Vec<String>,
}

/// Plays a history from the world's beginning, and looks after each step whether the promises hold. Whoever holds the
/// world next finds it as it began.
///
/// # Errors
/// The first that does not.
pub fn play(world: &mut World, steps: &[Step]) -> Kept {
    world.begin_again()?;
    let kept = play_on(world, steps);
    world.begin_again()?;
    kept
}

fn play_on(world: &World, steps: &[Step]) -> Kept {
    let joined = world.newcomer.copy()?;
    world
        .type_words(&joined)
        .map_err(|e| Broken::Promise(format!("P5: a new device with the words: {e}")))?;
    let (api, store) = (world.liars.api.book().now(), world.liars.store.book().now());
    let mut devices = Vec::new();
    for device in [world.first.copy()?, world.second.copy()?, world.fresh.copy()?, joined] {
        let secrets = Secrets::of(&device)?;
        devices.push((device, secrets));
    }
    let newest = world.shop.len() - 1;
    let mut play = Play {
        world,
        devices,
        contents: world.shop.clone(),
        committed: newest,
        saw: vec![newest, newest, 0, 0],
        lies: Vec::new(),
        told: Vec::new(),
    };
    for step in steps {
        play.step(step)?;
    }
    play.end()?;
    let books = [(world.liars.api.book(), api), (world.liars.store.book(), store)];
    signed_once(&books)?;
    play.devices.iter().try_for_each(|(_, secrets)| secrets.stayed(&books))?;
    promise(!books.iter().any(|(book, from)| book.holds(*from, CANARY)), || "the canary left a device".into())
}

impl Play<'_> {
    fn step(&mut self, step: &Step) -> Kept {
        match step {
            Step::Backup(device) => self.back_up(*device),
            Step::Restore(device) => self.restore(*device),
            Step::List(device) => self.look(*device, "snapshots"),
            Step::Check(device) => self.look(*device, "check"),
            Step::Lie(edit, to) => {
                let told = EDITS.iter().filter(|edit| TOLD.contains(&edit.lie)).nth(*edit);
                if let Some(edit) = told {
                    let mut lie = edit.on();
                    if let Some((device, _)) = to.and_then(|to| self.devices.get(to)) {
                        lie = lie.to(id(device)?);
                    }
                    self.told.push(format!("{} {} to {to:?}", edit.route.path, edit.what));
                    self.lies.push(self.world.liars.api.tell(Arc::new(lie)));
                }
                Ok(())
            }
            Step::StoreLie(which) => {
                if let Some(lie) = STORE_LIES.get(*which) {
                    self.told.push(format!("the store: {}", lie.0));
                    self.lies.push(self.world.liars.store.tell(Arc::new(store_lie(*lie))));
                }
                Ok(())
            }
            Step::Truth => {
                self.lies.clear();
                self.told.clear();
                Ok(())
            }
        }
    }

    fn device(&self, device: usize) -> Result<&(Device, Secrets), Failure> {
        self.devices.get(device).ok_or_else(|| Failure::new("no such device"))
    }

    /// Runs a command of a device and looks at what always holds: P4 and P8.
    fn run(&self, device: usize, call: crate::call::Call) -> Result<Outcome, Broken> {
        let (told, before) = (self.told.join("; "), self.world.liars.api.book().now());
        let outcome = run(call)?;
        let codes: &[i32] = if self.lies.is_empty() { &[0] } else { &ANY };
        ends(&outcome, codes, &told)?;
        let requests = self.world.liars.api.book().now() - before;
        promise(requests <= REQUESTS, || format!("after \"{told}\" {requests} requests for {outcome}"))?;
        let (device, secrets) = self.device(device)?;
        secrets.unchanged(device, &told)?;
        Ok(outcome)
    }

    fn back_up(&mut self, device: usize) -> Kept {
        let number = self.contents.len();
        self.contents.push(content(SHOP, number));
        let bytes = content(SHOP, number);
        let outcome = self.run(device, self.device(device)?.0.backup_bytes(SHOP, &bytes))?;
        if outcome.code == 0 {
            self.committed = number;
            self.remember(device, number);
        }
        Ok(())
    }

    fn restore(&mut self, device: usize) -> Kept {
        let call = self.device(device)?.0.call_plain(["restore", "latest", "--source", SHOP, "--stdout"]);
        let outcome = self.run(device, call)?;
        let told = self.told.join("; ");
        was_backed_up(&outcome, &self.contents, &told)?;
        if outcome.code == 0 {
            let given =
                self.contents.iter().position(|content| *content == outcome.stdout).unwrap_or_default();
            let least = if self.lies.is_empty() {
                self.committed
            } else {
                self.saw.get(device).copied().unwrap_or_default()
            };
            promise(given >= least, || {
                format!(
                    "P1: after \"{told}\" device {device} restored number {given} as the newest, though it knew of {least}"
                )
            })?;
            self.remember(device, given);
        }
        Ok(())
    }

    fn look(&mut self, device: usize, command: &str) -> Kept {
        self.run(device, self.device(device)?.0.call([command]))?;
        if self.lies.is_empty() {
            self.remember(device, self.committed);
        }
        Ok(())
    }

    fn remember(&mut self, device: usize, number: usize) {
        if let Some(saw) = self.saw.get_mut(device) {
            *saw = number.max(*saw);
        }
    }

    /// P5: when all lies have ended, every device goes on, and everything that was committed restores.
    fn end(&mut self) -> Kept {
        self.step(&Step::Truth)?;
        for device in 0..self.devices.len() {
            self.look(device, "snapshots")?;
        }
        self.restore(0)?;
        let checked = run(self.world.fresh.copy()?.call(["check", "--read-data"]))?;
        promise(checked.code != ROLLED_BACK, || format!("P5: a device that saw little: {checked}"))?;
        ends(&checked, &[0], "P5: everything restores")
    }
}
