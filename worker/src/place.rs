//! A place at a route's handler, for routes that take only so many messages at once.
//!
//! The worker takes messages before it knows their routes, so a slow service with a long line of messages would get every
//! permit, and those of fast routes would wait behind it. A message that finds no place gives its permit up: the worker
//! takes others meanwhile, and this one waits here, under its lease, for a place and then for a permit. As many as there are
//! permits may wait so; what comes on top is put off for a second or two, which costs the queue two calls each time and no
//! attempt. Rejected: a class of the queue for each route, which the receiver would have to know too.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::SemaphorePermit;

use crate::job::{End, Job, Step, Stop};
use crate::metrics;
use crate::route::Route;

/// How long a message is put off that doesn't even find room to wait, in milliseconds.
const PUT_OFF_MS: std::ops::Range<u64> = 500..2_000;

/// What came of asking for one.
pub(crate) enum Place<'a> {
    /// The handler may be run; a limited place is held until it is dropped.
    At(Option<SemaphorePermit<'a>>),
    /// The message comes again.
    Later(End),
}

impl Job {
    /// Waits for a place at the route's handler.
    pub(crate) async fn place<'a>(&self, route: &'a Route) -> Step<Place<'a>> {
        let Some(places) = &route.places else { return Ok(Place::At(None)) };
        if let Ok(place) = places.try_acquire() {
            return Ok(Place::At(Some(place)));
        }
        let Ok(_bench) = self.shared.benches.try_acquire() else {
            metrics::crowded(&route.name, "put_off");
            let after = Duration::from_millis(rand::random_range(PUT_OFF_MS));
            return self.snooze(after, "too many messages wait for its route").await.map(Place::Later);
        };
        metrics::crowded(&route.name, "waited");
        drop(self.permit.lock().unwrap_or_else(PoisonError::into_inner).take());
        let again = async {
            let place = places.acquire().await.expect("places are never closed");
            let permit = self.shared.permits.clone().acquire_owned().await.expect("permits are never closed");
            (place, permit)
        };
        let (place, permit) = tokio::select! {
            biased;
            () = self.held.lost().cancelled() => return Err(Stop::Lost),
            // Nothing was begun, so nothing is waited for.
            () = self.shared.stopping.cancelled() => return Err(Stop::Stopping),
            again = again => again,
        };
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        Ok(Place::At(Some(place)))
    }
}
