//! What the page of the pretend WeChat offers to press and to write: what the configuration's routes take.
//!
//! Each offer is tried on the routes as a worker tries a message, and made only if its own route takes it. So the page never
//! suggests something that nobody answers. A pattern is shown by a text that it matches, the shortest that can be made of its
//! parts.

use huixin_sandbox::{ExamplePush, MenuButton, Push, PushKind};
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
/// The most examples that are offered.
const OFFERS_MAX: usize = 24;
/// How many lists a menu has, with their names, and how many buttons a list has.
const MENU_LISTS: [&str; 3] = ["菜单", "更多", "其他"];
const LIST_MAX: usize = 5;
/// How long an example may become.
const EXAMPLE_MAX_BYTES: usize = 64;

/// What users can do that some route takes, one for each route with a pattern or a key.
pub(super) fn examples(config: &Config) -> Vec<ExamplePush> {
    let own = |(index, condition): (usize, &Condition)| {
        let (account, route) = (account_of(config, condition)?, &config.routes[index].name);
        let push = offers(condition).into_iter().find(|push| takes(config, index, account, push))?;
        let label = match &push {
            PushKind::Text { content, .. } => content.clone(),
            _ => route.clone(),
        };
        Some(ExamplePush { account: condition.account.clone(), label, push })
    };
    conditions(config).enumerate().filter_map(own).take(OFFERS_MAX).collect()
}

/// A button for each route that takes taps on the menu of this account, under the route's name. As many as a menu of
/// WeChat's has room for.
pub(super) fn menu(config: &Config, account: &str) -> Vec<MenuButton> {
    let own = |(index, condition): (usize, &Condition)| {
        let mut clicks = offers(condition).into_iter().filter(|push| takes(config, index, account, push));
        match clicks.next()? {
            PushKind::Click { key } => Some(MenuButton::click(&config.routes[index].name, key)),
            _ => None,
        }
    };
    let buttons: Vec<_> = conditions(config).enumerate().filter_map(own).collect();
    if buttons.len() <= MENU_LISTS.len() {
        return buttons;
    }
    let lists = buttons.chunks(LIST_MAX).zip(MENU_LISTS);
    lists.map(|(buttons, name)| MenuButton::list(name, buttons.to_vec())).collect()
}

/// What may be for a condition, the best first.
fn offers(condition: &Condition) -> Vec<PushKind> {
    let keys = || {
        let by_pattern = condition.event_key_pattern.as_ref().and_then(|pattern| example(pattern.as_str()));
        let key = condition.event_key.clone().or_else(|| condition.event_key_prefix.clone()).or(by_pattern);
        key.unwrap_or_else(|| BUTTON.to_owned())
    };
    let is = |event: &str| condition.event.as_ref().is_some_and(|wanted| wanted.eq_ignore_ascii_case(event));
    if is("SCAN") {
        return vec![PushKind::Scan { scene: keys() }];
    }
    if is("CLICK") || condition.event.is_none() && condition.kind.as_ref().is_some_and(|kind| kind == "event")
    {
        return vec![PushKind::Click { key: keys() }];
    }
    let texts = match &condition.text {
        Some(pattern) => [Some(KNOWN.to_owned()), example(pattern.as_str())],
        None => [Some(GREETING.to_owned()), None],
    };
    let text = |content| PushKind::Text { content, menu_id: None };
    texts.into_iter().flatten().map(text).collect()
}

/// The account that a condition names, or the first.
fn account_of<'a>(config: &'a Config, condition: &'a Condition) -> Option<&'a str> {
    condition.account.as_deref().or_else(|| config.accounts.keys().next().map(String::as_str))
}

fn conditions(config: &Config) -> impl Iterator<Item = &Condition> {
    config.routes.iter().map(|route| &route.condition)
}

/// Whether it is this route that takes what a user of this account does, and none before it.
fn takes(config: &Config, index: usize, account: &str, kind: &PushKind) -> bool {
    let push = Push::new(account, "o", kind.clone());
    let Ok(message) = Message::parse(push.body("gh_page").as_bytes()) else { return false };
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

    fn shown(examples: &[ExamplePush]) -> Vec<(Option<&str>, &str, &PushKind)> {
        examples.iter().map(|it| (it.account.as_deref(), it.label.as_str(), &it.push)).collect()
    }

    fn text(content: &str) -> PushKind {
        PushKind::Text { content: content.to_owned(), menu_id: None }
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
            route("door", "event = 'SCAN', event_key_pattern = '^door-\\d$'"),
            route("welcome", "event = 'subscribe'"),
            route("text", "type = 'text'"),
            route("all", ""),
        ];
        let config = config(&routes.concat());
        let click = |key: &str| PushKind::Click { key: key.to_owned() };
        let (examples, scene) = (examples(&config), PushKind::Scan { scene: "door-1".to_owned() });
        let expected = [
            (None, KNOWN, &text(KNOWN)),
            (None, "pay", &click("mypay")),
            (None, "shop", &click("shop-")),
            (None, "other", &click("menu")),
            (None, "door", &scene),
            (None, GREETING, &text(GREETING)),
        ];
        assert_eq!(shown(&examples), expected);
        let buttons = [("pay", "mypay"), ("shop", "shop-"), ("other", "menu")];
        assert_eq!(menu(&config, "main"), buttons.map(|(name, key)| MenuButton::click(name, key)));
    }

    #[test]
    fn the_example_of_the_documentation_is_offered_only_where_a_route_knows_it() {
        let config =
            config(&[route("order", r"text = '^订单(\d+)$'"), route("rest", "type = 'text'")].concat());
        let examples = examples(&config);
        assert_eq!(shown(&examples), [(None, "订单1", &text("订单1")), (None, GREETING, &text(GREETING))]);
        assert!(menu(&config, "main").is_empty());
    }

    #[test]
    fn each_account_has_its_own_routes_in_its_menu_and_many_are_put_into_lists() {
        let accounts = "[account.a]\napp_id = 'wx1'\n[account.b]\napp_id = 'wx2'\n".to_owned();
        let of_a = (1..=7)
            .map(|n| route(&format!("r{n}"), &format!("account = 'a', event = 'CLICK', event_key = 'k{n}'")));
        let config =
            config(&(accounts + &of_a.collect::<String>() + &route("b", "event = 'CLICK', event_key = 'b'")));
        let [first, second] = &menu(&config, "a")[..] else { panic!("two lists") };
        let names =
            |list: &MenuButton| list.sub_button.iter().map(|button| button.name.clone()).collect::<Vec<_>>();
        assert_eq!((names(first).len(), names(second)), (5, ["r6", "r7", "b"].map(str::to_owned).to_vec()));
        assert_eq!(menu(&config, "b"), [MenuButton::click("b", "b")]);
        assert_eq!(examples(&config)[0].account.as_deref(), Some("a"));
    }
}
