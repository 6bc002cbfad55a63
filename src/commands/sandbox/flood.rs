//! `sandbox flood`: what a receiver bears, in a few figures.
//!
//! A flood is a denial of service if it meets somebody else's machine, so a receiver outside of private networks has to be asked
//! for by name of the flag. What its name leads to is looked up once, and that is what is loaded.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use huixin_sandbox::{FloodLoad, FloodReport, Mode, SandboxAccount};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use url::Url;

use crate::cli::{Cli, FloodFlags};
use crate::config::Role;
use crate::report::Failure;
use crate::{shutdown, wiring};

/// The shares of acks whose times are shown.
const SHOWN: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999)];

pub(super) async fn flood(cli: &Cli, flags: &FloodFlags) -> Result<(), Failure> {
    let config = wiring::config(cli, Role::Sandbox)?;
    let sandbox = wiring::sandbox(&config, &flags.receiver, &[])?;
    let account = account(&sandbox.config().accounts, flags.account.as_deref())?;
    let load = FloodLoad {
        push_url: account.push_url.clone().context("the receiver's address can't be used")?,
        addresses: addresses(&flags.receiver, flags.anywhere).await?,
        per_second: flags.rate,
        lasts: flags.lasts,
        users: flags.users,
        connections: flags.connections,
        text: flags.text.clone(),
    };
    // It draws on standard error, and not at all where that is no terminal.
    let bar = ProgressBar::new(load.pushes()).with_style(style()?);
    let answered = bar.clone();
    let stop = shutdown::on_signals();
    let report = huixin_sandbox::flood(account, &load, &stop, move || answered.inc(1)).await;
    bar.finish_and_clear();
    match flags.output.json {
        true => println!("{:#}", in_json(account, &load, &report)),
        false => print(&load, &report),
    }
    if report.acked == 0 {
        let hint = "start it, or name another with --receiver; the configuration must be the one that it has";
        return Err(Failure::failed(format!("{} acked nothing", flags.receiver), hint));
    }
    Ok(())
}

fn account<'a>(accounts: &'a [SandboxAccount], name: Option<&str>) -> Result<&'a SandboxAccount, Failure> {
    let found = accounts.iter().find(|account| name.is_none_or(|name| name == account.name));
    found.ok_or_else(|| {
        let known: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
        let name = name.unwrap_or_default();
        Failure::failed(format!("no account has the name `{name}`"), format!("known: {}", known.join(", ")))
    })
}

/// Where the receiver is, if a flood may go there.
async fn addresses(receiver: &Url, anywhere: bool) -> Result<Vec<SocketAddr>, Failure> {
    let host = receiver.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = receiver.port_or_known_default().unwrap_or(80);
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found.with_context(|| format!("cannot find `{host}`"))?.collect();
    let public = found.iter().find(|address| !anywhere && !is_private(address.ip()));
    public.map_or(Ok(found.clone()), |address| {
        let what = format!("`{host}` leads to {}, which isn't in a private network", address.ip());
        Err(Failure::failed(what, "add --anywhere if that machine is yours to load"))
    })
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

fn style() -> Result<ProgressStyle, Failure> {
    Ok(ProgressStyle::with_template("{bar:40} {pos}/{len} pushes, {per_sec}, {eta} to go")?)
}

fn print(load: &FloodLoad, report: &FloodReport) {
    let line = |name: &str, value: String| println!("{name:<12} {value}");
    line("pushes", format!("{} of {} in {:.1} s", report.pushed(), load.pushes(), report.took.as_secs_f64()));
    line("rate", format!("{:.0}/s of {}/s", report.per_second(), load.per_second));
    line("acks", report.acked.to_string());
    for (status, count) in &report.refused {
        line(&format!("status {status}"), count.to_string());
    }
    let failed = [
        ("bad replies", report.bad_replies),
        ("timeouts", report.timeouts),
        ("unreachable", report.unreachable),
        ("never sent", report.unsent),
    ];
    for (name, count) in failed.into_iter().filter(|(_, count)| *count > 0) {
        line(name, count.to_string());
    }
    if report.acked > 0 {
        let times = SHOWN.map(|(name, share)| format!("{} {:.1}", name.replace('_', "."), at(report, share)));
        line("ack ms", format!("{}  max {:.1}", times.join("  "), ms(report.ack_us.max())));
    }
}

fn in_json(account: &SandboxAccount, load: &FloodLoad, report: &FloodReport) -> Value {
    let mut ack_ms: serde_json::Map<String, Value> =
        SHOWN.iter().map(|(name, share)| ((*name).to_owned(), json!(at(report, *share)))).collect();
    ack_ms.insert("max".to_owned(), json!(ms(report.ack_us.max())));
    let sealed = account.aes_key.is_some() && account.mode != Mode::Plain;
    json!({
        "push_url": load.push_url.as_str(), "account": account.name, "sealed": sealed,
        "wanted": { "per_second": load.per_second, "pushes": load.pushes(), "users": load.users, "connections": load.connections },
        "pushed": report.pushed(), "took_s": report.took.as_secs_f64(), "per_second": report.per_second(),
        "acked": report.acked, "refused": report.refused, "bad_replies": report.bad_replies,
        "timeouts": report.timeouts, "unreachable": report.unreachable, "unsent": report.unsent, "ack_ms": ack_ms,
    })
}

fn at(report: &FloodReport, share: f64) -> f64 {
    ms(report.ack_us.value_at_quantile(share))
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_private_addresses_are_loaded_unless_all_are() {
        for (url, private) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://10.1.2.3", true),
            ("http://192.168.1.2", true),
            ("http://[fd00::1]", true),
            ("http://8.8.8.8", false),
            ("http://172.32.0.1", false),
            ("http://[2001:db8::1]", false),
            ("http://[::ffff:8.8.8.8]", false),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!(addresses(&url, false).await.is_ok(), private, "{url}");
            assert!(addresses(&url, true).await.is_ok(), "{url}");
        }
    }
}
