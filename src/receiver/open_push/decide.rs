//! What an open push does at which moment: decisions only, so that each is a row of a table.

use std::time::Duration;

use tokio::time::Instant;

use super::PushLimits;
use crate::receiver::answers::PushWay;

/// So long after a push was made its try is WeChat's last one.
const LAST_TRY_AFTER_S: i64 = 9;
/// WeChat makes so many tries.
const TRIES: u32 = 3;

/// The moments of one try, counted from the head of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moments {
    /// Nothing is claimed later.
    pub(super) claim_until: Instant,
    /// Later nothing waits for the queue.
    pub(super) respond_by: Instant,
    /// A push that is left unanswered is cut.
    pub(super) cut_at: Instant,
}

/// Why no part is waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It is stored nowhere.
    NotStored,
    /// It was never open: no room, or the queue is away.
    NotOpened,
    /// The receiver stops.
    Stopping,
    /// Nothing is under way that could bring a part.
    Idle,
    /// A newer push or a newer try of this one gets what comes.
    Superseded,
    /// Its time is up.
    TimeUp,
    /// The queue has not said in time whether there is a part.
    QueueSlow,
    /// There is a part that can't go out.
    Unusable,
}

/// How a push without a part ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushEnd {
    /// So that WeChat tries again.
    Unavailable,
    /// With an empty string.
    Empty,
    /// With the words for an answer that isn't ready.
    Notice,
    /// Without a response, so that WeChat tries again, if the budget allows it; else with the notice.
    UnansweredOrNotice,
}

impl Moments {
    pub(super) fn of(began: Instant, way: PushWay<'_>, limits: &PushLimits) -> Self {
        let waits = match way {
            PushWay::Either { push_wait } => push_wait.min(limits.claim_until),
            PushWay::Push(_) => limits.claim_until,
        };
        let claim_until = began + waits;
        Self { claim_until, respond_by: claim_until + limits.grace, cut_at: began + limits.cut_after }
    }

    /// When to look for a part without news of one. At the end nothing is claimed any more.
    pub(super) fn next_look(&self, now: Instant, every: Duration) -> Instant {
        (now + every).min(self.claim_until)
    }
}

/// Whether WeChat tries no more after this try. `pushed_again_s` is the time in its query.
pub(super) fn is_last_try(number: u32, pushed_again_s: &str, created_at_s: i64) -> bool {
    let late =
        pushed_again_s.parse().is_ok_and(|at: i64| at.saturating_sub(created_at_s) >= LAST_TRY_AFTER_S);
    number >= TRIES || (created_at_s > 0 && late)
}

/// How a push ends for which there is no part.
pub(super) fn end(way: PushWay<'_>, over: Over, is_last_try: bool) -> PushEnd {
    match (over, way) {
        (Over::NotStored, _) => PushEnd::Unavailable,
        // The API goes on; or the user is answered elsewhere; or there is nothing to say.
        (_, PushWay::Either { .. }) | (Over::Idle | Over::Superseded, _) => PushEnd::Empty,
        (Over::TimeUp, PushWay::Push(answers)) if !is_last_try && answers.unanswered.is_some() => {
            PushEnd::UnansweredOrNotice
        }
        (Over::NotOpened | Over::Stopping | Over::TimeUp | Over::QueueSlow | Over::Unusable, _) => {
            PushEnd::Notice
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::answers::PushAnswers;

    fn answers(unanswered: Option<(u32, Duration)>) -> PushAnswers {
        let (notice, link) = ("later".to_owned(), String::new());
        PushAnswers { unanswered, notice, link, fetch_words: Vec::new() }
    }

    #[test]
    fn a_push_ends_as_its_account_and_the_reason_want() {
        let (budget, none) = (answers(Some((20, Duration::from_secs(300)))), answers(None));
        let either = PushWay::Either { push_wait: Duration::from_secs(2) };
        let (push, never) = (PushWay::Push(&budget), PushWay::Push(&none));
        use PushEnd::{Empty, Notice, UnansweredOrNotice, Unavailable};
        let rows = [
            (Over::NotStored, Unavailable, Unavailable, Unavailable),
            (Over::NotOpened, Empty, Notice, Notice),
            (Over::Stopping, Empty, Notice, Notice),
            (Over::Idle, Empty, Empty, Empty),
            (Over::Superseded, Empty, Empty, Empty),
            (Over::TimeUp, Empty, UnansweredOrNotice, Notice),
            (Over::QueueSlow, Empty, Notice, Notice),
            (Over::Unusable, Empty, Notice, Notice),
        ];
        for (over, of_either, of_push, of_last) in rows {
            let ends = [(either, false), (push, false), (push, true), (never, false)];
            let ends = ends.map(|(way, is_last)| end(way, over, is_last));
            assert_eq!(ends, [of_either, of_push, of_last, of_last], "{over:?}");
        }
    }

    #[test]
    fn the_last_try_is_known_by_its_number_or_by_how_late_it_is() {
        let rows = [
            (1, "100", 100, false),
            (2, "108", 100, false),
            (3, "100", 100, true),
            (4, "100", 100, true),
            (1, "109", 100, true),
            (1, "soon", 100, false),
            (1, "109", 0, false),
            (1, "109", i64::MIN, false),
        ];
        for (number, again, created, expected) in rows {
            assert_eq!(is_last_try(number, again, created), expected, "{number} {again} {created}");
        }
    }

    #[test]
    fn an_account_with_the_api_waits_as_long_as_it_says_and_never_longer_than_wechat() {
        let (began, limits) = (Instant::now(), PushLimits::default());
        let waits = |way| {
            let moments = Moments::of(began, way, &limits);
            [moments.claim_until, moments.respond_by, moments.cut_at].map(|at| (at - began).as_millis())
        };
        let either = |seconds| PushWay::Either { push_wait: Duration::from_secs(seconds) };
        let answers = answers(None);
        assert_eq!(waits(either(2)), [2_000, 2_300, 6_000]);
        assert_eq!(waits(either(9)), [4_000, 4_300, 6_000]);
        assert_eq!(waits(PushWay::Push(&answers)), [4_000, 4_300, 6_000]);
    }

    #[test]
    fn a_push_looks_now_and_then_until_its_time_is_up() {
        let (began, limits) = (Instant::now(), PushLimits::default());
        let moments =
            Moments::of(began, PushWay::Either { push_wait: Duration::from_millis(1_200) }, &limits);
        let look = |ms| {
            let next = moments.next_look(began + Duration::from_millis(ms), Duration::from_millis(500));
            (next - began).as_millis()
        };
        assert_eq!([0, 500, 1_000, 1_200].map(look), [500, 1_000, 1_200, 1_200]);
    }
}
