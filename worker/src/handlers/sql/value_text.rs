//! The forms of numbers and times: as the database's own client shows them.

use serde_json::{Number, Value};
use sqlx::mysql::types::MySqlTime;
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

/// From days since the year 2000.
pub(super) fn pg_date(days: i32) -> Option<String> {
    match days {
        i32::MAX => Some("infinity".to_owned()),
        i32::MIN => Some("-infinity".to_owned()),
        days => pg_epoch()?.checked_add(Duration::days(days.into())).map(date),
    }
}

/// From microseconds since then.
pub(super) fn pg_moment(micros: i64, zone: &str) -> Option<String> {
    match micros {
        i64::MAX => Some("infinity".to_owned()),
        i64::MIN => Some("-infinity".to_owned()),
        micros => {
            let at = pg_epoch()?.midnight().checked_add(Duration::microseconds(micros))?;
            Some(moment(at) + zone)
        }
    }
}

fn pg_epoch() -> Option<Date> {
    Date::from_calendar_date(2000, Month::January, 1).ok()
}

/// JSON has no infinities.
pub(super) fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::from(number.to_string()), Value::Number)
}

/// A single 0.1 is 0.1 and not 0.10000000149011612.
pub(super) fn single(number: f32) -> Value {
    float(number.to_string().parse().unwrap_or_else(|_| f64::from(number)))
}

pub(super) fn date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

pub(super) fn clock(time: Time) -> String {
    let whole = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    match time.microsecond() {
        0 => whole,
        micros => format!("{whole}.{micros:06}").trim_end_matches('0').to_owned(),
    }
}

/// A time of MySQL's, which may be negative or longer than a day.
pub(super) fn span(time: MySqlTime) -> String {
    let text = time.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |text| ("-", text));
    let zero = if text.find(':') == Some(1) { "0" } else { "" };
    format!("{sign}{zero}{text}")
}

pub(super) fn moment(moment: PrimitiveDateTime) -> String {
    format!("{} {}", date(moment.date()), clock(moment.time()))
}
