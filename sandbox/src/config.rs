//! What a sandbox is made with. Every number has WeChat's own value as its default, so that a test changes only the one
//! it is about, and every collection that grows with traffic has a bound here.

use std::time::Duration;

use huixin_wechat::AesKey;
use serde::Serialize;
use url::Url;

use crate::{AccountRules, CallLimits, MenuButton, PushKind};

/// Settings of a [`Sandbox`](crate::Sandbox). The default has one account, `main`, and WeChat's own limits.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The official accounts that this WeChat hosts. Of two with the same name, the first is used.
    pub accounts: Vec<SandboxAccount>,
    /// How long a receiver has to answer one try of a push: 5 s.
    pub push_timeout: Duration,
    /// How many tries a push gets in all, the first included: 3.
    pub tries: u32,
    /// Whether sends are refused outside the reply windows (45015) and over the quota (45047). On.
    pub enforce_windows: bool,
    /// Whether a trigger ends what the ones before it allowed, a stricter guess at WeChat's rule than the larger number and
    /// the later end. Off.
    pub newest_trigger_alone: bool,
    /// What a user's message allows: 5 sends in 48 hours.
    pub after_message: SendWindow,
    /// What a menu click, a scan or a follow allows: 3 sends in 1 minute.
    pub after_tap: SendWindow,
    /// What a scan allows, where it isn't the same.
    pub after_scan: Option<SendWindow>,
    /// What a follow allows, where it isn't the same.
    pub after_follow: Option<SendWindow>,
    /// How long an access token lives: 2 hours.
    pub token_lifetime: Duration,
    /// How long a replaced token still works: 5 minutes. The stable endpoint also renews within this time of the end.
    pub token_overlap: Duration,
    /// How often each call may be made. WeChat's defaults, as far as they are known.
    pub limits: CallLimits,
    /// Whether a message may only name media that the account has (40007). On.
    pub enforce_media: bool,
    /// How long uploaded media is kept: 3 days.
    pub media_lifetime: Duration,
    /// The largest picture that is taken, in bytes: 2 MiB. WeChat's page says 2 MB and 10 MB; this is the stricter.
    pub max_image_bytes: usize,
    /// How many media an account keeps; the oldest are forgotten first, temporary before permanent ones.
    pub max_media: usize,
    /// How many bytes of media an account keeps, likewise.
    pub max_media_bytes: usize,
    /// How many transcript entries are kept; the oldest go first.
    pub max_entries: usize,
    /// How many users an account remembers; the one that came first is forgotten first.
    pub max_users: usize,
    /// How many pushes may be under way at once. More wait, and the control API answers 429.
    pub max_pushes: usize,
    /// What the chat page offers as chips.
    pub examples: Vec<ExamplePush>,
    /// Users that the chat page offers.
    pub users: Vec<SampleUser>,
    /// Host names, in addition to IP addresses and `localhost`, under which the page and the control API may be reached.
    /// Anything else is refused, so that a web page can't drive the sandbox through a name that it points at this machine.
    pub hosts: Vec<String>,
}

/// One official account, as WeChat and its owner know it.
#[derive(Clone, Debug)]
pub struct SandboxAccount {
    /// The name used in configuration and in the receiver's path, `/wechat/{name}`.
    pub name: String,
    /// The AppID, `wx…`.
    pub app_id: String,
    /// The AppSecret, which buys access tokens.
    pub app_secret: String,
    /// The token that signs pushes.
    pub token: String,
    /// The original id, `gh_…`: `ToUserName` of every push.
    pub original_id: String,
    /// How its pushes are sent.
    pub mode: Mode,
    /// The key of the encrypted modes. Without one, pushes are plain whatever the mode.
    pub aes_key: Option<AesKey>,
    /// Where pushes go. `None` until the receiver is known; see [`Sandbox::set_push_url`](crate::Sandbox::set_push_url).
    pub push_url: Option<Url>,
    /// What it may, and how WeChat treats it, to begin with.
    pub rules: AccountRules,
    /// How its answers get to users, if that is known: `api`, `either` or `push`. The page tells it, and nothing follows.
    pub answer_by: Option<String>,
    /// Its menu, until another one is set through the API.
    pub menu: Vec<MenuButton>,
}

/// How an account's pushes are sent: the choice in WeChat's console (消息加解密方式).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The message as it is (明文模式).
    #[default]
    Plain,
    /// The message as it is, and sealed as well (兼容模式).
    Compatible,
    /// The message sealed (安全模式).
    Safe,
}

/// How many sends a trigger allows, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendWindow {
    /// Sends allowed, counted since the trigger.
    pub sends: u32,
    /// How long after the trigger.
    pub lasts: Duration,
}

/// A user that the chat page offers.
#[derive(Clone, Debug, Serialize)]
pub struct SampleUser {
    /// The name shown.
    pub name: String,
    /// The OpenID used.
    pub openid: String,
}

/// Something that a user can do, for the chat page to offer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExamplePush {
    /// The account that it is for; `None`: all.
    pub account: Option<String>,
    /// What the chip says.
    pub label: String,
    /// What is done.
    pub push: PushKind,
}

impl ExamplePush {
    /// A text, for all accounts.
    pub fn text(content: impl Into<String>) -> ExamplePush {
        let content = content.into();
        ExamplePush::labelled(content.clone(), content)
    }

    /// A text under another label, for all accounts.
    pub fn labelled(label: impl Into<String>, content: impl Into<String>) -> ExamplePush {
        let push = PushKind::Text { content: content.into(), menu_id: None };
        ExamplePush { account: None, label: label.into(), push }
    }
}

impl Default for SandboxConfig {
    fn default() -> SandboxConfig {
        SandboxConfig {
            accounts: vec![SandboxAccount::named("main")],
            push_timeout: Duration::from_secs(5),
            tries: 3,
            enforce_windows: true,
            newest_trigger_alone: false,
            after_message: SendWindow { sends: 5, lasts: Duration::from_secs(48 * 60 * 60) },
            after_tap: SendWindow { sends: 3, lasts: Duration::from_secs(60) },
            after_scan: None,
            after_follow: None,
            token_lifetime: Duration::from_secs(7200),
            token_overlap: Duration::from_secs(300),
            limits: CallLimits::default(),
            enforce_media: true,
            media_lifetime: Duration::from_secs(3 * 24 * 60 * 60),
            max_image_bytes: 2 * 1024 * 1024,
            max_media: 10_000,
            max_media_bytes: 64 * 1024 * 1024,
            max_entries: 100_000,
            max_users: 100_000,
            max_pushes: 1_024,
            examples: Vec::new(),
            users: vec![
                SampleUser { name: "小明".to_owned(), openid: "oHuixinXiaoming0000000000001".to_owned() },
                SampleUser { name: "小红".to_owned(), openid: "oHuixinXiaohong0000000000002".to_owned() },
                SampleUser { name: "阿强".to_owned(), openid: "oHuixinAqiang000000000000003".to_owned() },
            ],
            hosts: Vec::new(),
        }
    }
}

impl SandboxAccount {
    /// An account whose values are all made from its name. `main` has the AppID of the examples, `wx0123456789abcdef`.
    pub fn named(name: &str) -> SandboxAccount {
        let app_id = if name == "main" { "wx0123456789abcdef".to_owned() } else { format!("wx{name}") };
        SandboxAccount {
            name: name.to_owned(),
            app_id,
            app_secret: format!("sandbox-secret-of-{name}"),
            token: format!("sandboxTokenOf{name}"),
            original_id: format!("gh_sandbox_{name}"),
            mode: Mode::Plain,
            aes_key: None,
            push_url: None,
            rules: AccountRules::default(),
            answer_by: None,
            menu: vec![MenuButton::click("菜单", "menu")],
        }
    }

    /// What its messages are sealed with, if they are.
    pub(crate) fn sealing_key(&self) -> Option<&AesKey> {
        self.aes_key.as_ref().filter(|_| self.mode != Mode::Plain)
    }
}
