//! Random histories: what each device does, and who is lied to meanwhile.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    Telling,
    edits::EDITS,
    promise::{
        ANY, Broken, Kept, REQUESTS, ROLLED_BACK, Secrets, committed_once, ends, promise, run, was_backed_up,
    },
    store_lies::STORE_LIES,
    world::{CANARY, SHOP, World, content, id},
};
use crate::{call::Outcome, device::Device, failure::Failure};

/// Number of devices in a history.
const DEVICES: usize = 4;
/// The device that is waiting for its words: the first thing it does is to enter them, whoever is lied to.
const NEWCOMER: usize = 3;
/// Numbers of promises.
pub type Numbers = BTreeSet<u8>;
/// Lies that any history may include. Others are played as scenes, or wait for a fix.
const TOLD: [u8; 7] = [6, 11, 13, 14, 16, 18, 31];
/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A device backs up new content.
    Backup(usize),
    /// A device restores the newest snapshot.
    Restore(usize),
    /// A device lists snapshots.
    List(usize),
    /// A device runs `check`.
    Check(usize),
    /// From now on a response is changed, for one device or for all.
    Lie(usize, Option<usize>),
    /// From now on the store changes its responses.
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

/// The history for a seed.
///
/// # Errors
/// The strategy generates none.
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

/// A device, and the least that it must know.
struct Member {
    device: Device,
    /// `None` before it has a vault.
    secrets: Option<Secrets>,
    /// The newest content that it certainly saw or signed.
    saw: usize,
    /// Snapshots that this device displayed. One that nobody could open is damaged and does not count.
    shown: BTreeSet<String>,
    /// The snapshots in its last list, newest first.
    order: Vec<String>,
}

/// The state of a play: what is known overall, and at least by each device.
struct Play<'a> {
    world: &'a World,
    devices: Vec<Member>,
    /// The content of every backup, oldest first.
    contents: Vec<Vec<u8>>,
    /// Those that certainly became snapshots.
    committed: usize,
    lies: Vec<Telling>,
    told: Vec<String>,
    /// The promises that were checked.
    looked: RefCell<Numbers>,
}

/// Plays a history from the world's initial state, checking the promises after each step; the world is reset for the
/// next user. Adds the checked promises to `looked`.
///
/// # Errors
/// The first broken promise.
pub fn play(world: &mut World, steps: &[Step], looked: &mut Numbers) -> Kept {
    world.begin_again()?;
    let kept = play_on(world, steps).map(|numbers| looked.extend(numbers));
    world.begin_again()?;
    kept
}

fn play_on(world: &World, steps: &[Step]) -> Result<Numbers, Broken> {
    let (api, store) = (world.liars.api.book().now(), world.liars.store.book().now());
    let newest = world.shop.len() - 1;
    let mut devices = Vec::new();
    for (device, saw) in [(&world.first, newest), (&world.second, newest), (&world.fresh, 0)] {
        let device = device.copy()?;
        let secrets = Some(Secrets::of(&device)?);
        devices.push(Member { device, secrets, saw, shown: BTreeSet::new(), order: Vec::new() });
    }
    devices.push(Member {
        device: world.newcomer.copy()?,
        secrets: None,
        saw: 0,
        shown: BTreeSet::new(),
        order: Vec::new(),
    });
    let mut play = Play {
        world,
        devices,
        contents: world.shop.clone(),
        committed: newest,
        lies: Vec::new(),
        told: Vec::new(),
        looked: RefCell::default(),
    };
    for step in steps {
        play.step(step)?;
    }
    play.end()?;
    let books = [(world.liars.api.book(), api), (world.liars.store.book(), store)];
    play.looks_at(7);
    committed_once(world.liars.api.book(), api)?;
    play.looks_at(10);
    for secrets in play.devices.iter().filter_map(|member| member.secrets.as_ref()) {
        secrets.stayed(&books)?;
    }
    promise(!books.iter().any(|(book, from)| book.holds(*from, CANARY)), || {
        "the canary left a device".into()
    })?;
    Ok(play.looked.into_inner())
}

impl Play<'_> {
    fn step(&mut self, step: &Step) -> Kept {
        match step {
            Step::Backup(NEWCOMER)
            | Step::Restore(NEWCOMER)
            | Step::List(NEWCOMER)
            | Step::Check(NEWCOMER)
                if self.member(NEWCOMER)?.secrets.is_none() =>
            {
                self.join()
            }
            Step::Backup(device) => self.back_up(*device),
            Step::Restore(device) => self.restore(*device),
            Step::List(device) => self.list(*device),
            Step::Check(device) => self.check(*device),
            Step::Lie(edit, to) => {
                let told = EDITS.iter().filter(|edit| TOLD.contains(&edit.lie)).nth(*edit);
                if let Some(edit) = told {
                    let mut lie = edit.on();
                    if let Some(member) = to.and_then(|to| self.devices.get(to)) {
                        lie = lie.to(id(&member.device)?);
                    }
                    self.told.push(format!("{} {} to {to:?}", edit.route.path, edit.what));
                    self.lies.push(self.world.liars.api.tell(Arc::new(lie)));
                }
                Ok(())
            }
            Step::StoreLie(which) => {
                if let Some(lie) = STORE_LIES.get(*which) {
                    self.told.push(format!("the store: {}", lie.what));
                    let lie = lie.on(&self.world.liars);
                    self.lies.push(self.world.liars.store.tell(Arc::new(lie)));
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

    fn member(&self, device: usize) -> Result<&Member, Failure> {
        self.devices.get(device).ok_or_else(|| Failure::new("no such device"))
    }

    fn looks_at(&self, promise: u8) {
        self.looked.borrow_mut().insert(promise);
    }

    /// Runs a command of a device and checks what always holds: P4 and P8.
    fn run(&self, device: usize, call: crate::call::Call) -> Result<Outcome, Broken> {
        let (told, before) = (self.told.join("; "), self.world.liars.api.book().now());
        // Scaled: a slow store is abandoned within seconds.
        let outcome = run(call.env("SEALKEEP_STALL_TIMEOUT", "5").env("SEALKEEP_PATIENCE", "5"))?;
        let codes: &[i32] = if self.lies.is_empty() { &[0] } else { &ANY };
        self.looks_at(8);
        ends(&outcome, codes, &told)?;
        let requests = self.world.liars.api.book().now() - before;
        promise(requests <= REQUESTS, || format!("after \"{told}\" {requests} requests for {outcome}"))?;
        let member = self.member(device)?;
        if let Some(secrets) = &member.secrets {
            self.looks_at(4);
            secrets.unchanged(&member.device, &told)?;
        }
        Ok(outcome)
    }

    /// P5: the words open the vault on a new device. Under lies it may be refused, and can try again.
    fn join(&mut self) -> Kept {
        match self.world.type_words(&self.member(NEWCOMER)?.device) {
            Err(_) if !self.lies.is_empty() => Ok(()),
            Err(error) => Err(Broken::Promise(format!("P5: a new device with the words: {error}"))),
            Ok(()) => {
                let secrets = Secrets::of(&self.member(NEWCOMER)?.device)?;
                if let Some(member) = self.devices.get_mut(NEWCOMER) {
                    member.secrets = Some(secrets);
                }
                Ok(())
            }
        }
    }

    fn back_up(&mut self, device: usize) -> Kept {
        let number = self.contents.len();
        self.contents.push(content(SHOP, number));
        let bytes = content(SHOP, number);
        let outcome = self.run(device, self.member(device)?.device.backup_bytes(SHOP, &bytes))?;
        if outcome.code == 0 {
            self.committed = number;
            self.remember(device, number);
            let made = outcome.json().and_then(|done| Some(done["snapshot_id"].as_str()?.to_owned()));
            if let (Some(made), Some(member)) = (made, self.devices.get_mut(device)) {
                member.shown.insert(made.clone());
                member.order.insert(0, made);
            }
        }
        Ok(())
    }

    fn restore(&mut self, device: usize) -> Kept {
        let call =
            self.member(device)?.device.call_plain(["restore", "latest", "--source", SHOP, "--stdout"]);
        let outcome = self.run(device, call)?;
        let told = self.told.join("; ");
        self.looks_at(1);
        was_backed_up(&outcome, &self.contents, &told)?;
        if outcome.code == 0 {
            let given =
                self.contents.iter().position(|content| *content == outcome.stdout).unwrap_or_default();
            let least = if self.lies.is_empty() { self.committed } else { self.member(device)?.saw };
            promise(given >= least, || {
                format!(
                    "P1: after \"{told}\" device {device} restored number {given} as the newest, though it knew of {least}"
                )
            })?;
            self.remember(device, given);
        }
        Ok(())
    }

    /// P2: displayed snapshots keep their order, each once. P3: none disappears. Or it is an error.
    fn list(&mut self, device: usize) -> Kept {
        let outcome = self.run(device, self.member(device)?.device.call(["snapshots"]))?;
        if outcome.code != 0 {
            return Ok(());
        }
        let told = self.told.join("; ");
        let document = outcome.json().unwrap_or_default();
        let ids = |list: &str| -> Vec<String> {
            let rows = document[list].as_array().into_iter().flatten();
            rows.filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
        };
        let (readable, unreadable) = (ids("snapshots"), ids("unreadable"));
        let member = self.member(device)?;
        self.looks_at(3);
        if let Some(gone) = member.shown.iter().find(|id| !readable.contains(id) && !unreadable.contains(id))
        {
            return Err(Broken::Promise(format!(
                "P3: after \"{told}\" snapshot {gone} is not shown to device {device} any more: {outcome}"
            )));
        }
        self.looks_at(2);
        let once: BTreeSet<&String> = readable.iter().collect();
        promise(once.len() == readable.len(), || {
            format!("P2: after \"{told}\" one is shown twice: {outcome}")
        })?;
        let then: Vec<&String> = member.order.iter().filter(|id| readable.contains(id)).collect();
        let now: Vec<&String> = readable.iter().filter(|id| member.order.contains(id)).collect();
        promise(then == now, || {
            format!("P2: after \"{told}\" device {device} is shown another order than {then:?}: {outcome}")
        })?;
        if let Some(member) = self.devices.get_mut(device) {
            member.shown.extend(readable.iter().cloned());
            member.order = readable;
        }
        if self.lies.is_empty() {
            self.remember(device, self.committed);
        }
        Ok(())
    }

    fn check(&mut self, device: usize) -> Kept {
        self.run(device, self.member(device)?.device.call(["check"]))?;
        if self.lies.is_empty() {
            self.remember(device, self.committed);
        }
        Ok(())
    }

    fn remember(&mut self, device: usize, number: usize) {
        if let Some(member) = self.devices.get_mut(device) {
            member.saw = number.max(member.saw);
        }
    }

    /// P5: once all lies have ended, every device works again, and everything committed can be restored.
    fn end(&mut self) -> Kept {
        self.step(&Step::Truth)?;
        self.looks_at(5);
        if self.member(NEWCOMER)?.secrets.is_none() {
            self.join()?;
        }
        for device in 0..self.devices.len() {
            self.list(device)?;
        }
        self.restore(0)?;
        let checked = run(self.world.fresh.copy()?.call(["check", "--read-data"]))?;
        promise(checked.code != ROLLED_BACK, || format!("P5: a device that saw little: {checked}"))?;
        ends(&checked, &[0], "P5: everything restores")
    }
}
