//! `trace`: what became of messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::operate::LookFlags;
use crate::operator::{TRACE_MAX, TraceQuery};

/// Flags of `trace`.
#[derive(Args, Debug)]
pub struct TraceFlags {
    /// A message's id: the one in the log, or WeChat's MsgId
    pub id: Option<String>,
    /// Only of this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Only of this user of the account
    #[arg(long, value_name = "OPENID", requires = "account")]
    pub user: Option<String>,
    /// Only those that came at this time or later [default: a day ago; all with an id]
    #[arg(long, value_name = "TIME", value_parser = moment_ms)]
    pub since: Option<u64>,
    /// Only those that came before this time
    #[arg(long, value_name = "TIME", value_parser = moment_ms)]
    pub until: Option<u64>,
    /// Only with this end: answered, answered_in_response, no_reply, unmatched, dead
    #[arg(long, value_name = "END")]
    pub end: Option<String>,
    /// Only those that WeChat refused with this code
    #[arg(long, value_name = "CODE")]
    pub code: Option<i64>,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// How it is printed, and the queue.
    #[command(flatten)]
    pub look: LookFlags,
}

impl TraceFlags {
    /// What is asked for.
    pub fn query(&self) -> TraceQuery {
        let day_ago = || now_ms().saturating_sub(24 * 3_600_000);
        TraceQuery {
            id: self.id.clone(),
            account: self.account.clone(),
            user: self.user.clone(),
            since_ms: self.since.or_else(|| self.id.is_none().then(day_ago)),
            until_ms: self.until,
            end: self.end.clone(),
            code: self.code,
            limit: Some(self.limit.min(TRACE_MAX)),
        }
    }
}

/// Users of WeChat, and those who look after their messages, say times in Beijing.
const BEIJING: UtcOffset = match UtcOffset::from_hms(8, 0, 0) {
    Ok(offset) => offset,
    Err(_) => UtcOffset::UTC,
};

/// A time in Unix milliseconds, from one of the forms that the help names.
fn moment_ms(text: &str) -> Result<u64, String> {
    let local = |form: &[time::format_description::BorrowedFormatItem<'_>], text: &str| {
        PrimitiveDateTime::parse(text, form).ok().map(|time| time.assume_offset(BEIJING))
    };
    let today = OffsetDateTime::now_utc().to_offset(BEIJING).date();
    let with_date = format!("{today} {text}");
    let at = OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| local(format_description!("[year]-[month]-[day] [hour]:[minute]"), text))
        .or_else(|| local(format_description!("[year]-[month]-[day] [hour]:[minute]"), &with_date));
    if let Some(at) = at {
        return u64::try_from(at.unix_timestamp_nanos() / 1_000_000)
            .map_err(|_| "it is before 1970".to_owned());
    }
    let ago =
        humantime::parse_duration(text).ok().and_then(|ago: Duration| u64::try_from(ago.as_millis()).ok());
    ago.map(|ago_ms| now_ms().saturating_sub(ago_ms)).ok_or_else(|| {
        "write 14:03 (today, Beijing time), \"2026-11-29 14:03\", 2026-11-29T06:03:00Z, or how long ago: 2h".to_owned()
    })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) const TRACE_EXAMPLES: &str = "\
Examples:
  huixin trace --account main --user oABC123 --since 14:00 --until 14:10   \"the bot did not answer at 14:03\"
  huixin trace mdqnN2gYp0bhq2QkJx3LVug                                     one message, by its id or WeChat's MsgId
  huixin trace --end dead --since 2h                                       what died in the last two hours
  huixin trace --code 45015                                                what WeChat refused with this code

Times: 14:03 (today in Beijing), \"2026-11-29 14:03\" (Beijing), 2026-11-29T06:03:00Z, or how long ago: 30m, 2h.
Pushes that were refused at the door are counted below, by account, reason and hour.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_of_the_day_in_beijing_one_with_a_zone_or_how_long_ago() {
        assert_eq!(moment_ms("2026-11-29 14:03"), Ok(1_795_932_180_000));
        assert_eq!(moment_ms("2026-11-29T06:03:00Z"), Ok(1_795_932_180_000));
        let day_ms = 86_400_000;
        assert_eq!(moment_ms("14:03").unwrap() % day_ms, 1_795_932_180_000 % day_ms);
        assert!(moment_ms("2h").unwrap().abs_diff(now_ms() - 7_200_000) < 10_000);
        assert!(moment_ms("soon").unwrap_err().starts_with("write 14:03"));
    }
}
