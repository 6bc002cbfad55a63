//! The menu under an account's conversation (自定义菜单), in the shape of WeChat's JSON.
//!
//! There are two sources. The settings say what an account has to begin with: `huixin dev` makes that of the configured
//! routes. What a program sets through WeChat's API wins over it, as it would there. Nothing is checked here: who sets
//! a menu checks it first.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A button of a menu: it does something, or it opens a list of others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MenuButton {
    /// What it says.
    pub name: String,
    /// What it does: `click`, `view` …; nothing for one that opens a list.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The `EventKey` of its click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The page that it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The buttons of its list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_button: Vec<MenuButton>,
    /// What other types have: `appid`, `pagepath`, `media_id` …
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl MenuButton {
    /// One whose tap pushes a `CLICK` with this key.
    pub fn click(name: impl Into<String>, key: impl Into<String>) -> MenuButton {
        let (action, key) = (Some("click".to_owned()), Some(key.into()));
        MenuButton { name: name.into(), action, key, ..MenuButton::default() }
    }

    /// One that opens a list.
    pub fn list(name: impl Into<String>, sub_button: Vec<MenuButton>) -> MenuButton {
        MenuButton { name: name.into(), sub_button, ..MenuButton::default() }
    }
}

/// The menu of one account.
#[derive(Debug)]
pub(crate) struct Menu {
    configured: Vec<MenuButton>,
    /// What was set through the API; `None` before that, and an empty list for a menu that was deleted.
    set: Option<Vec<MenuButton>>,
}

impl Menu {
    pub(crate) fn new(configured: Vec<MenuButton>) -> Menu {
        Menu { configured, set: None }
    }

    /// What users see.
    pub(crate) fn get(&self) -> &[MenuButton] {
        self.set.as_ref().unwrap_or(&self.configured)
    }

    /// This is the menu from now on.
    pub(crate) fn set(&mut self, buttons: Vec<MenuButton>) {
        self.set = Some(buttons);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_menu_has_the_form_of_wechats_json_and_what_is_set_wins() {
        let mut menu = Menu::new(vec![MenuButton::list("更多", vec![MenuButton::click("余额", "balance")])]);
        let configured = json!([{ "name": "更多", "sub_button": [{ "name": "余额", "type": "click", "key": "balance" }] }]);
        assert_eq!(json!(menu.get()), configured);
        let set = json!([{ "name": "店", "type": "miniprogram", "url": "http://s/", "appid": "wx1", "pagepath": "a" }]);
        menu.set(serde_json::from_value(set.clone()).unwrap());
        assert_eq!(json!(menu.get()), set);
        menu.set(Vec::new());
        assert_eq!(json!(menu.get()), json!([]), "it was deleted");
    }
}
