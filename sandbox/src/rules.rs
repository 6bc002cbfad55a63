//! What WeChat allows one account and not another, and what is known only from reports: the same default for all, and a
//! setting for those who have seen it otherwise.

use crate::MarkFail;

/// The rules of one account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccountRules {
    /// Whether it has the customer-service right. Without it each send and each call for the typing indicator is refused
    /// with 48001, and the response to a push is its only way to a user. On.
    pub may_send: bool,
    /// Whether a tap on a menu item or on a `bizmsgmenu` link comes with the id as `bizmsgmenuid`. Some accounts have been
    /// seen to get the text alone. On.
    pub menu_ids: bool,
    /// How many pushes, from 0 to 1, may get one try more than the settings say. WeChat's words can be read so. 0.
    pub extra_try: f64,
    /// What comes of many unanswered tries; `None`: nothing. Tries made by [`push_once`](crate::Sandbox::push_once) are
    /// outside of it.
    pub mark_fail: Option<MarkFail>,
}

impl Default for AccountRules {
    fn default() -> AccountRules {
        AccountRules { may_send: true, menu_ids: true, extra_try: 0.0, mark_fail: Some(MarkFail::default()) }
    }
}
