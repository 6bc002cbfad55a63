//! The slow lookup that `dev` answers with: workstations by their codes, from a table in eight seconds.

use std::time::Duration;

use async_trait::async_trait;
use huixin_wechat::Message;
use huixin_worker::{Context, Handler, Outcome};

/// Texts that ask for a workstation.
pub(super) const PATTERN: &str = r"^\?(?<code>\d+-\d+)$";

/// What the page offers: one of them, and a text that is answered at once, each under its label.
pub(super) const EXAMPLES: [(&str, &str); 2] = [("Slow look-up, 8 s", "?18-546"), ("Instant reply", "你好")];

const STATIONS: [(&str, &str); 4] = [
    ("18-546", "车体新厂房3号"),
    ("18-547", "车体新厂房4号"),
    ("07-112", "总装一线12号"),
    ("22-301", "涂装车间1号"),
];

/// Looks a workstation up, slowly, as the database behind it would.
pub(super) struct SlowLookup {
    takes: Duration,
}

impl Default for SlowLookup {
    fn default() -> Self {
        Self { takes: Duration::from_secs(8) }
    }
}

#[async_trait]
impl Handler for SlowLookup {
    async fn handle(&self, _message: &Message, context: &Context) -> Outcome {
        tokio::time::sleep(self.takes).await;
        let code = context.captures.get("code").map(String::as_str).unwrap_or_default();
        match STATIONS.iter().find(|(known, _)| *known == code) {
            Some((_, station)) => Outcome::text(format!("[{code}]的工作台位为[{station}]")),
            None => Outcome::text(format!("没有找到编号[{code}]，请检查后再发。")),
        }
    }
}
