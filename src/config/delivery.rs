//! `[delivery]`: how answers get to users. `[media]`: where what they show may come from.

use std::path::PathBuf;
use std::time::Duration;

use huixin_worker::{Rights, TriggerRight};
use ipnet::IpNet;

use super::mask::MaskedUrl;
use super::section::Section;
use super::value;

/// Settings of the delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// What each kind of user's action lets an account send.
    pub rights: Rights,
    /// The proxy through which WeChat's API is called.
    pub proxy: Option<MaskedUrl>,
}

/// Where the media of replies may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaConfig {
    /// The folder whose files replies may name; none: no files.
    pub folder: Option<PathBuf>,
    /// Networks that media may be fetched from although they aren't public.
    pub allow_private: Vec<IpNet>,
    /// How long one fetch may take.
    pub timeout: Duration,
    /// How many files are fetched and uploaded at once.
    pub at_once: usize,
    /// The proxy through which media is fetched.
    pub proxy: Option<MaskedUrl>,
}

const PROXY_EXAMPLE: &str = "http://127.0.0.1:3128";
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn read(mut section: Section<'_>) -> DeliveryConfig {
    let defaults = Rights::default();
    DeliveryConfig {
        proxy: proxy(&mut section),
        rights: Rights {
            message: right(section.section("message"), defaults.message),
            click: right(section.section("click"), defaults.click),
            scan: right(section.section("scan"), defaults.scan),
            subscribe: right(section.section("subscribe"), defaults.subscribe),
        },
    }
}

pub(super) fn read_media(mut section: Section<'_>) -> MediaConfig {
    MediaConfig {
        folder: section.path("folder"),
        allow_private: section.parsed_or("allow_private", Vec::new(), value::networks),
        timeout: section.duration("timeout", 20 * SECOND, SECOND..=600 * SECOND),
        at_once: section.number("at_once", 8, 1..=1_000) as usize,
        proxy: proxy(&mut section),
    }
}

fn right(mut section: Section<'_>, default: TriggerRight) -> TriggerRight {
    TriggerRight {
        sends: section.number("sends", default.sends, 1..=1_000),
        window: section.duration("window", default.window, SECOND..=Duration::from_secs(30 * 86_400)),
    }
}

fn proxy(section: &mut Section<'_>) -> Option<MaskedUrl> {
    section.parsed("proxy", |node| value::http_url(node, PROXY_EXAMPLE)).map(MaskedUrl)
}
