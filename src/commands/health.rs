//! `huixin health`: asks a running process whether it is well, so that a container needs no other program for it.

use std::time::Duration;

use anyhow::Context as _;

use crate::cli::HealthFlags;
use crate::report::Failure;

const TIMEOUT: Duration = Duration::from_secs(4);

pub(super) async fn health(flags: &HealthFlags) -> Result<(), Failure> {
    let client = huixin_wechat::http_client().context("the HTTP client can't be made")?;
    let asked = client.get(flags.url.clone()).timeout(TIMEOUT).send().await;
    let answer =
        asked.map_err(reqwest::Error::without_url).with_context(|| format!("cannot ask `{}`", flags.url))?;
    let status = answer.status();
    let text = answer.text().await.map_err(reqwest::Error::without_url).context("the answer was cut off")?;
    if status.is_success() {
        print!("{text}");
        return Ok(());
    }
    Err(Failure::failed(
        format!("`{}` answers {status}: {}", flags.url, text.trim()),
        "see the log of that process",
    ))
}
