//! What a route must keep to for accounts whose users are answered in the responses to their pushes. A fixed reply that can't be a
//! response would cost every message that the route takes.

use std::collections::BTreeMap;

use huixin_worker::reply::{ReplyOrigin, check_for_response, parse};
use huixin_worker::{AnswerBy, Condition};

use super::RouteConfig;
use crate::config::account::AccountConfig;
use crate::config::problem::Mistake;
use crate::config::reader::{Reader, join};

/// Whether the API answers any message that the condition lets through.
pub(super) fn uses_api(condition: &Condition, accounts: &BTreeMap<String, AccountConfig>) -> bool {
    taken(condition, accounts).any(|(_, account)| account.answer_by != AnswerBy::Push)
}

/// Notes what can't go out, or is in vain.
pub(super) fn check(
    route: &RouteConfig,
    path: &str,
    reader: &Reader<'_>,
    accounts: &BTreeMap<String, AccountConfig>,
) {
    let mut by_push =
        taken(&route.condition, accounts).filter(|(_, account)| account.answer_by == AnswerBy::Push);
    let Some((name, _)) = by_push.next() else { return };
    for (key, reply) in route.handler.fixed_replies() {
        // It was read before, so nothing else is wrong with it.
        let parts = parse(reply, ReplyOrigin::Config).unwrap_or_default();
        if let Err(error) = check_for_response(&parts) {
            let mistake = Mistake::new(format!("can't be sent to users of the account `{name}`: {error}"));
            let hint = "change it, or let `match` name an account that isn't `answer_by = \"push\"`";
            let path = join(path, key);
            reader.note(path.clone(), reader.origin(&path).as_ref(), mistake.hint(hint));
        }
    }
    if route.notice.is_some() {
        let mistake =
            Mistake::new(format!("is not sent to users of the account `{name}`, which answers by push"));
        let hint = format!("they get the `later_notice` of `[account.{name}]`");
        let path = join(path, "notice");
        reader.doubt(path.clone(), reader.origin(&path).as_ref(), mistake.hint(hint));
    }
}

/// The accounts whose messages the condition may let through.
fn taken<'a>(
    condition: &'a Condition,
    accounts: &'a BTreeMap<String, AccountConfig>,
) -> impl Iterator<Item = (&'a String, &'a AccountConfig)> {
    accounts.iter().filter(|(name, _)| condition.account.as_ref().is_none_or(|wanted| wanted == *name))
}
