//! The slow logic: where a workstation is, from a system that takes its time.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use huixin_wechat::{Message, Outgoing};
use huixin_worker::{Context, Handler, Outcome};
use serde_json::json;

/// Looks workstations up. One of it serves all messages, many at once.
pub struct Lookup {
    stations: HashMap<&'static str, &'static str>,
    takes: Duration,
}

impl Default for Lookup {
    fn default() -> Self {
        let stations = [("18-546", "车体新厂房3号"), ("18-547", "车体新厂房4号"), ("7-1", "涂装车间1号")];
        Self { stations: stations.into(), takes: Duration::from_secs(6) }
    }
}

#[async_trait]
impl Handler for Lookup {
    async fn handle(&self, _: &Message, context: &Context) -> Outcome {
        let code = &context.captures["code"]; // the route's pattern has found it
        tokio::time::sleep(self.takes).await; // as long as it takes: WeChat has its ack already
        let Some(place) = self.stations.get(code.as_str()) else {
            return Outcome::text(format!("没有找到工作台位[{code}]，请检查编号。"));
        };
        // What this user asked before comes with each of their messages, and is kept with the answer or not at all.
        let asked = context.memory.as_ref().and_then(|memory| memory["asked"].as_u64()).unwrap_or(0) + 1;
        let mut replies = vec![Outgoing::text(format!("[{code}]的工作台位为[{place}]"))];
        if asked > 1 {
            replies.push(Outgoing::text(format!("您已查询{asked}次。")));
        }
        Outcome::Remember { replies, memory: json!({ "asked": asked }) }
    }
}
