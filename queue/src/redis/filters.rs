//! Which classes a worker takes, as Redis knows them.
//!
//! A take gives one name for all its classes, derived from them, so that its cost doesn't grow with their number. The classes
//! themselves are sent with the first take, and again every [`SENT_EVERY`]. Then the script also looks which of them have
//! ready lanes, in case that list was lost.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Class, TakeRequest, Taken};

const SENT_EVERY: Duration = Duration::from_secs(60);
/// Workers of one process, and the lists that they had lately.
const KNOWN_MAX: usize = 8;

/// The lists that were asked for lately, the last one first.
#[derive(Debug, Default)]
pub(super) struct Filters(Mutex<Vec<Filter>>);

/// The classes of a take.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    asked: Arc<[Class]>,
    /// In their order.
    pub(super) classes: Arc<[Class]>,
    /// Empty if there are none.
    pub(super) name: String,
    /// Which class is first.
    turn: usize,
    sent: Option<Instant>,
}

impl Filters {
    pub(super) fn of(&self, request: &TakeRequest) -> Filter {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |filter: &Filter| Arc::ptr_eq(&filter.asked, &request.classes) || filter.asked == request.classes;
        let at = known.iter().position(is_it);
        let mut filter = at.map_or_else(|| Filter::new(request), |at| known.remove(at));
        filter.turn = request.turn(filter.classes.len());
        known.insert(0, filter.clone());
        known.truncate(KNOWN_MAX);
        filter
    }

    /// A take was answered.
    pub(super) fn note_known(&self, filter: &Filter, taken: &Taken) {
        let is_lost = taken.damaged.iter().any(|damaged| damaged.name.starts_with("classes:"));
        if !filter.is_due() && !is_lost {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter_mut().find(|known| known.name == filter.name) {
            known.sent = (!is_lost).then(Instant::now);
        }
    }
}

impl Filter {
    fn new(request: &TakeRequest) -> Self {
        let (classes, turn) = request.classes_in_order();
        let mut hasher = DefaultHasher::new();
        classes.hash(&mut hasher);
        let name = if classes.is_empty() { String::new() } else { format!("{:016x}", hasher.finish()) };
        Self { asked: request.classes.clone(), classes: classes.into(), name, turn, sent: None }
    }

    /// Whether its classes are sent along.
    pub(super) fn is_due(&self) -> bool {
        self.sent.is_none_or(|sent| sent.elapsed() >= SENT_EVERY)
    }

    /// The class whose turn it is.
    pub(super) fn first(&self) -> &str {
        self.classes.get(self.turn).map_or("", Class::as_str)
    }
}
