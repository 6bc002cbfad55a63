//! When a run has gone wrong: where each wrong message lies, what happened to it, and the faults around its push. The folder
//! with everything that the processes left behind is kept; the files of Redis from before each kill and each rewrite lie in its
//! `kept-…` folders.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use huixin_queue::spool::{Folders, SpoolLimits, look};
use huixin_queue::{Clock, DeadFilter, DeadLetter, MessageId, Queue};

use super::lane_of;
use super::traffic::Ids;
use crate::harness::{History, Name, Stack};

/// More of them would hide what the first ones say.
const TOLD_MAX: usize = 30;
/// Faults this long before and after a push are shown.
const AROUND_US: u64 = 15_000_000;

/// Where messages lie that haven't come to an end.
pub(super) struct Places {
    dead: HashMap<MessageId, String>,
    spooled: HashMap<MessageId, String>,
}

impl Places {
    /// Looks through dead letters and spools. No receiver may hold a folder any more.
    pub(super) async fn find(dead: &[DeadLetter], spool: &Path) -> Self {
        let letter = |letter: &DeadLetter| (letter.id.clone(), format!("dead letter: {}", letter.reason));
        Self { dead: dead.iter().map(letter).collect(), spooled: spooled(spool).await }
    }

    async fn of(&self, queue: &dyn Queue, name: Name, id: &MessageId) -> String {
        if let Some(place) = self.dead.get(id).or_else(|| self.spooled.get(id)) {
            return place.clone();
        }
        match queue.lane(&lane_of(name.user)).await {
            Err(error) => format!("the queue does not say: {error}"),
            Ok(None) => "nowhere, and its lane is empty".to_owned(),
            Ok(Some(view)) => {
                let state = view.state;
                let lists = [("waiting", &view.waiting), ("held", &view.held)];
                let found = lists.iter().find_map(|(list, ids)| {
                    Some(format!(
                        "{list}, number {} in its lane, which is {state:?}",
                        ids.iter().position(|of| of == id)? + 1
                    ))
                });
                found.unwrap_or_else(|| {
                    format!("nowhere, and its lane is {state:?} with {} others", view.waiting.len())
                })
            }
        }
    }
}

/// All that is in the folders, quarantined or not.
async fn spooled(directory: &Path) -> HashMap<MessageId, String> {
    let mut found = HashMap::new();
    for view in look(directory).unwrap_or_default() {
        let folder = view.folder.display();
        match view.content {
            Ok((_, quarantined)) => found.extend(
                quarantined
                    .into_iter()
                    .map(|entry| (entry.id, format!("quarantined in {folder}: {}", entry.reason))),
            ),
            Err(error) => println!("{folder} can't be read: {error}"),
        }
    }
    let limits = SpoolLimits { max_bytes: u64::MAX, reserve_bytes: 0 };
    for spool in Folders::new(directory, limits, Clock::Store).adopt().unwrap_or_default() {
        let mut after = 0;
        while let Ok(entries) = spool.next_after(after, 1_000, usize::MAX).await
            && let Some(last) = entries.last()
        {
            after = last.seq;
            let place = |age| format!("in {} for {age:?}", spool.folder().display());
            found.extend(entries.into_iter().map(|entry| (entry.message.id, place(entry.age))));
        }
    }
    found
}

/// All dead letters.
pub(super) async fn dead_letters(queue: &dyn Queue) -> Vec<DeadLetter> {
    let (mut letters, mut after) = (Vec::new(), None);
    loop {
        let page = queue.dead(&DeadFilter::default(), after.as_ref(), 100).await.expect("the queue answers");
        letters.extend(page.letters);
        match page.next {
            Some(next) => after = Some(next),
            None => return letters,
        }
    }
}

/// What the logs say of each of these messages.
pub(super) async fn report(
    queue: &dyn Queue,
    places: &Places,
    history: &History,
    ids: &Ids,
    names: &[Name],
) -> String {
    let ids: HashMap<Name, &MessageId> = ids.iter().map(|(id, name)| (*name, id)).collect();
    let mut report = format!("{} messages that something is wrong with\n", names.len());
    for name in names.iter().take(TOLD_MAX) {
        let place = match ids.get(name) {
            Some(id) => format!("{id}: {}", places.of(queue, *name, id).await),
            None => "it was never pushed".to_owned(),
        };
        let steps = history.of(*name);
        let pushed_us = steps.first().map_or(0, |(at_us, _)| *at_us);
        let _ = writeln!(report, "{name} {place}");
        for (at_us, step) in &steps {
            let _ = writeln!(report, "    {} {step:?}", after(pushed_us, *at_us));
        }
        let until_us = steps.last().map_or(0, |(at_us, _)| *at_us) + AROUND_US;
        for strike in history.strikes_in(pushed_us.saturating_sub(AROUND_US), until_us) {
            let (from, to) = (after(pushed_us, strike.from_us), after(pushed_us, strike.to_us));
            let _ = writeln!(report, "    fault from {from} to {to}: {}", strike.what);
        }
    }
    report
}

/// A time in seconds after another.
fn after(zero_us: u64, at_us: u64) -> String {
    format!("{:+.3} s", (at_us as f64 - zero_us as f64) / 1e6)
}

/// Keeps an installation's files if its test fails, in whatever way.
pub(super) struct Evidence {
    seed: u64,
    folders: Vec<PathBuf>,
}

impl Evidence {
    pub(super) fn of(stack: &Stack, seed: u64) -> Self {
        let redis = stack.redis.as_ref().expect("it is on Redis").folder();
        Self { seed, folders: vec![stack.folder.path().to_owned(), redis.to_owned()] }
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let name = format!("huixin-chaos-{}-", self.seed);
        let kept = match tempfile::Builder::new().prefix(&name).tempdir() {
            Ok(kept) => kept.keep(),
            Err(error) => return println!("nothing is kept: {error}"),
        };
        for (folder, copy) in self.folders.iter().zip([kept.clone(), kept.join("redis")]) {
            let copied = Command::new("cp").arg("-a").arg(folder.join(".")).arg(copy).status();
            if !copied.as_ref().is_ok_and(ExitStatus::success) {
                println!("{} is not all kept: {copied:?}", folder.display());
            }
        }
        println!(
            "CHAOS_SEED={} repeats it; logs, spools, configuration and Redis's files: {}",
            self.seed,
            kept.display()
        );
    }
}
