//! `[receiver]`: the listener that WeChat pushes to.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

use super::node::{Node, Value};
use super::problem::Mistake;
use super::section::Section;
use super::shown::shown;
use super::{ByteSize, SpoolConfig, spool, value};

/// Settings of the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverConfig {
    /// Where pushes come to, at `/wechat/{account name}`.
    pub listen: SocketAddr,
    /// The largest body that is read; a larger one is answered 413.
    pub max_body: ByteSize,
    /// How long the queue may take to store a message; then it goes to the spool. Without a spool the queue may take as
    /// long as WeChat waits, four seconds, and then the push is answered 503.
    pub ack_budget: Duration,
    /// Where messages wait while Redis is out of reach; none: pushes are answered 503 then.
    pub spool: Option<SpoolConfig>,
    /// How far a push's timestamp may be off this machine's clock.
    pub max_skew: MaxSkew,
    /// Networks that pushes may come from; empty: any.
    pub allow_from: Vec<IpNet>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

const MAX_SKEW: Duration = Duration::from_secs(600);
/// Below half a minute a clock that is a little off would refuse genuine pushes.
const SKEWS: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(24 * 60 * 60);

/// What a queue's payload needs beside the body.
const HEADER_KIB: u32 = 16;
const MAX_BODY: ByteSize = ByteSize::kib((huixin_queue::MAX_PAYLOAD_BYTES / 1024) as u32 - HEADER_KIB);

pub(super) fn read(mut section: Section<'_>) -> ReceiverConfig {
    ReceiverConfig {
        listen: section.parsed_or("listen", SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), value::address),
        max_body: section.size("max_body", ByteSize::kib(256), ByteSize::kib(1)..=MAX_BODY),
        // WeChat gives five seconds, and the way there and back takes its part.
        ack_budget: section.duration(
            "ack_budget",
            Duration::from_millis(250),
            Duration::from_millis(10)..=Duration::from_secs(4),
        ),
        max_skew: section.parsed_or("max_skew", MaxSkew::default(), max_skew),
        allow_from: section.parsed_or("allow_from", Vec::new(), value::networks),
        trusted_proxies: section.parsed_or("trusted_proxies", Vec::new(), value::networks),
        spool: spool::read(&mut section),
    }
}

/// How far the timestamp of a push may differ from this machine's clock; none: any distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxSkew {
    /// In plain mode, whose signature doesn't cover the body: somebody who has seen one request could send any body
    /// under its signature.
    pub plain: Option<Duration>,
    /// In the encrypted modes, where a request that comes again is a duplicate.
    pub sealed: Option<Duration>,
}

shown! {
    MaxSkew: |skew| skew.plain.shown();
}

impl Default for MaxSkew {
    fn default() -> Self {
        Self { plain: Some(MAX_SKEW), sealed: None }
    }
}

fn max_skew(node: &Node) -> Result<MaxSkew, Mistake> {
    let skew = match node.typed().value {
        Value::Boolean(false) => None,
        _ => Some(value::duration(node, MAX_SKEW, &SKEWS)?),
    };
    Ok(MaxSkew { plain: skew, sealed: skew })
}
