//! What the page of the pretend WeChat offers to press and to write: what the configuration's routes take.
//!
//! Each offer is tried on the routes as a worker tries a message, and made only if its own route takes it. So the page never
//! suggests something that nobody answers. A pattern is shown by a text that it matches, the shortest that can be made of its
//! parts.

use huixin_sandbox::{MenuButton, Push};
use huixin_wechat::Message;
use huixin_worker::Condition;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::config::Config;

/// The example of the documentation, for patterns that match it.
const KNOWN: &str = "?18-546";
/// For routes that take any text.
const GREETING: &str = "你好";
/// For routes that take any button.
const BUTTON: &str = "menu";
/// The most that is offered of each.
const OFFERS_MAX: usize = 24;
/// How long an example may become.
const EXAMPLE_MAX_BYTES: usize = 64;

/// Texts that some route takes, one for each route with a pattern.
pub(super) fn examples(config: &Config) -> Vec<String> {
    let own = |(index, condition): (usize, &Condition)| {
        let candidates = match &condition.text {
            Some(pattern) => [Some(KNOWN.to_owned()), example(pattern.as_str())],
            None => [Some(GREETING.to_owned()), None],
        };
        let mut candidates = candidates.into_iter().flatten();
        candidates.find(|text| takes(config, index, |account| Push::text(account, "o", text.as_str())))
    };
    conditions(config).enumerate().filter_map(own).take(OFFERS_MAX).collect()
}

/// A button for each route that takes taps, under the route's name.
pub(super) fn menu(config: &Config) -> Vec<MenuButton> {
    let own = |(index, condition): (usize, &Condition)| {
        let by_pattern =
            || condition.event_key_pattern.as_ref().and_then(|pattern| example(pattern.as_str()));
        let key =
            condition.event_key.clone().or_else(|| condition.event_key_prefix.clone()).or_else(by_pattern);
        let key = key.unwrap_or_else(|| BUTTON.to_owned());
        let is_own = takes(config, index, |account| Push::click(account, "o", key.as_str()));
        is_own.then(|| MenuButton { label: config.routes[index].name.clone(), key })
    };
    conditions(config).enumerate().filter_map(own).take(OFFERS_MAX).collect()
}

fn conditions(config: &Config) -> impl Iterator<Item = &Condition> {
    config.routes.iter().map(|route| &route.condition)
}

/// Whether it is this route that takes a push, and none before it.
fn takes(config: &Config, index: usize, push: impl Fn(&str) -> Push) -> bool {
    let named = config.routes[index].condition.account.as_ref();
    let Some(account) = named.or_else(|| config.accounts.keys().next()) else { return false };
    let Ok(message) = Message::parse(push(account).body("gh_page").as_bytes()) else { return false };
    conditions(config).position(|condition| condition.matches(account, &message).is_some()) == Some(index)
}

/// A text for a pattern; it may not match, since the surroundings of a part are not looked at.
fn example(pattern: &str) -> Option<String> {
    let text = part(&regex_syntax::parse(pattern).ok()?)?;
    Some(text).filter(|text| !text.trim().is_empty() && text.len() <= EXAMPLE_MAX_BYTES)
}

fn part(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(String::new()),
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        HirKind::Class(Class::Unicode(class)) => {
            let holds =
                |c: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c));
            let first = class.ranges().first()?.start();
            // A letter in either case is shown as the small one.
            let small = first.to_ascii_lowercase();
            ['1', 'a', '好', small].into_iter().find(|c| holds(*c)).or(Some(first)).map(String::from)
        }
        HirKind::Class(Class::Bytes(_)) => None,
        HirKind::Repetition(repeated) => {
            // An optional part is left out, unless it may be repeated: then it appears once.
            let times = if repeated.min == 0 && repeated.max != Some(1) { 1 } else { repeated.min };
            let one = part(&repeated.sub)?;
            let length = one.len().saturating_mul(times as usize);
            (length <= EXAMPLE_MAX_BYTES).then(|| one.repeat(times as usize))
        }
        HirKind::Capture(group) => part(&group.sub),
        HirKind::Concat(parts) => parts.iter().map(part).collect(),
        HirKind::Alternation(parts) => part(parts.first()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigSource, Role};

    fn config(routes: &str) -> Config {
        Config::load(&ConfigSource::from_text("huixin.toml", routes), Role::Dev).unwrap()
    }

    fn route(name: &str, condition: &str) -> String {
        format!("[[route]]\nname = '{name}'\nmatch = {{ {condition} }}\nreply = 'a'\n")
    }

    #[test]
    fn the_example_of_a_pattern_is_a_text_that_it_matches() {
        for (pattern, text) in [
            (r"^\?(?<code>\d+-\d+)$", "?1-1"),
            (r"^订单\s*(\d{6})$", "订单\t111111"),
            (r"(?i)^(help|帮助)!?$", "help"),
            (r"^[^\d\s]+$", "a"),
            (r"^[甲乙]+$", "乙"),
        ] {
            let example = example(pattern).unwrap();
            assert_eq!(example, text, "{pattern}");
            assert!(regex::Regex::new(pattern).unwrap().is_match(&example), "{pattern}");
        }
        assert_eq!(example(r"^$"), None);
        assert_eq!(example(r"^\d{1000}$"), None);
    }

    #[test]
    fn the_page_offers_what_a_route_takes_and_no_route_before_it() {
        let routes = [
            route("lookup", r"text = '^\?(?<code>\d+-\d+)$'"),
            route("never", r"text = '^\?18-546$'"),
            route("pay", "event = 'CLICK', event_key = 'mypay'"),
            route("shop", "event = 'CLICK', event_key_prefix = 'shop-'"),
            route("again", "event = 'CLICK', event_key = 'mypay'"),
            route("other", "event = 'CLICK'"),
            route("welcome", "event = 'subscribe'"),
            route("text", "type = 'text'"),
            route("all", ""),
        ];
        let config = config(&routes.concat());
        assert_eq!(examples(&config), [KNOWN, GREETING]);
        let buttons: Vec<(String, String)> =
            menu(&config).into_iter().map(|button| (button.label, button.key)).collect();
        let expected = [("pay", "mypay"), ("shop", "shop-"), ("other", "menu")];
        assert_eq!(buttons, expected.map(|(label, key)| (label.to_owned(), key.to_owned())));
    }

    #[test]
    fn the_example_of_the_documentation_is_offered_only_where_a_route_knows_it() {
        let config =
            config(&[route("order", r"text = '^订单(\d+)$'"), route("rest", "type = 'text'")].concat());
        assert_eq!(examples(&config), ["订单1", GREETING]);
        assert!(menu(&config).is_empty());
    }
}
