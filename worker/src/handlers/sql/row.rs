//! Rows as JSON, so that templates can name their columns.
//!
//! Whole and floating numbers stay numbers, booleans stay booleans, NULL is none, JSON is what it says. Decimals are texts
//! with all their digits, since a price of `12.50` isn't `12.5`. Dates are texts as the database's own client shows them. A
//! column of bytes, or of a type that has no such form, is an error that names it: a guess would reach a user.

use serde_json::{Map, Number, Value};
use sqlx::error::UnexpectedNullError;
use sqlx::mysql::MySqlRow;
use sqlx::mysql::types::MySqlTime;
use sqlx::postgres::PgRow;
use sqlx::postgres::PgTypeKind;
use sqlx::sqlite::SqliteRow;
use sqlx::types::{Decimal, Uuid};
use sqlx::{Column as _, Decode, MySql, Row as _, Type, TypeInfo as _, ValueRef as _};
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

use super::trouble::{Stage, Trouble};

/// A row by its columns' names.
pub(super) type Row = Map<String, Value>;

/// The most that the rows of one look-up may hold, in bytes of text and names.
const MAX_BYTES: usize = 1024 * 1024;

/// What a statement found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    /// Whether there are rows that weren't read.
    pub(super) more: bool,
}

/// Rows being read.
pub(super) struct Rows {
    found: Found,
    most: usize,
    bytes: usize,
}

impl Rows {
    pub(super) fn new(most: usize) -> Self {
        Self { found: Found::default(), most, bytes: 0 }
    }

    /// Takes one more, and says whether the next is wanted.
    pub(super) fn push(&mut self, row: &impl Cells) -> Result<bool, Trouble> {
        if self.found.rows.len() == self.most {
            self.found.more = true;
            return Ok(false);
        }
        let row = row.read()?;
        self.bytes += row.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
        if self.bytes > MAX_BYTES {
            let problem = format!("the rows hold more than {MAX_BYTES} bytes");
            return Err(Trouble { hint: Some("select fewer columns or rows"), ..Trouble::lasting(problem) });
        }
        self.found.rows.push(row);
        Ok(true)
    }

    pub(super) fn found(self) -> Found {
        self.found
    }
}

/// A driver's row.
pub(super) trait Cells {
    fn read(&self) -> Result<Row, Trouble>;
}

impl Cells for SqliteRow {
    /// By each value's own type: in SQLite a column's says little.
    fn read(&self) -> Result<Row, Trouble> {
        each(self, |row, at| {
            let raw = row.try_get_raw(at)?;
            if raw.is_null() {
                return Ok(Some(Value::Null));
            }
            let kind = raw.type_info().name().to_owned();
            Ok(match kind.as_str() {
                "INTEGER" => Some(Value::from(row.try_get_unchecked::<i64, _>(at)?)),
                "REAL" => Some(float(row.try_get_unchecked(at)?)),
                "TEXT" => Some(Value::from(row.try_get_unchecked::<String, _>(at)?)),
                _ => None,
            })
        })
    }
}

impl Cells for MySqlRow {
    fn read(&self) -> Result<Row, Trouble> {
        each(self, |row, at| {
            let raw = row.try_get_raw(at)?;
            let kind = raw.type_info().into_owned();
            if raw.is_null() {
                return Ok(Some(Value::Null));
            }
            Ok(Some(match kind.name() {
                "BIT" => Value::from(row.try_get_unchecked::<u64, _>(at)?),
                name if name.ends_with("UNSIGNED") => Value::from(row.try_get_unchecked::<u64, _>(at)?),
                "YEAR" => Value::from(row.try_get_unchecked::<u16, _>(at)?),
                "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
                    Value::from(row.try_get_unchecked::<i64, _>(at)?)
                }
                "FLOAT" => single(row.try_get_unchecked(at)?),
                "DOUBLE" => float(row.try_get_unchecked(at)?),
                // It comes as text.
                "DECIMAL" | "ENUM" | "SET" => Value::from(row.try_get_unchecked::<String, _>(at)?),
                "DATE" => some_date::<Date>(row, at)?.map_or(Value::Null, |it| Value::from(date(it))),
                "DATETIME" | "TIMESTAMP" => {
                    some_date::<PrimitiveDateTime>(row, at)?.map_or(Value::Null, |it| Value::from(moment(it)))
                }
                "TIME" => Value::from(span(row.try_get_unchecked(at)?)),
                "JSON" => row.try_get_unchecked(at)?,
                // Bytes have a collation of their own.
                _ if <String as Type<MySql>>::compatible(&kind) => {
                    Value::from(row.try_get_unchecked::<String, _>(at)?)
                }
                _ => return Ok(None),
            }))
        })
    }
}

impl Cells for PgRow {
    fn read(&self) -> Result<Row, Trouble> {
        each(self, |row, at| {
            let raw = row.try_get_raw(at)?;
            let kind = raw.type_info().into_owned();
            if raw.is_null() {
                return Ok(Some(Value::Null));
            }
            if matches!(kind.kind(), PgTypeKind::Enum(_)) {
                return Ok(Some(Value::from(row.try_get_unchecked::<String, _>(at)?)));
            }
            Ok(Some(match kind.name() {
                "BOOL" => Value::from(row.try_get_unchecked::<bool, _>(at)?),
                "INT2" => Value::from(row.try_get_unchecked::<i16, _>(at)?),
                "INT4" => Value::from(row.try_get_unchecked::<i32, _>(at)?),
                "INT8" => Value::from(row.try_get_unchecked::<i64, _>(at)?),
                "FLOAT4" => single(row.try_get_unchecked(at)?),
                "FLOAT8" => float(row.try_get_unchecked(at)?),
                "NUMERIC" => Value::from(row.try_get_unchecked::<Decimal, _>(at)?.to_string()),
                "TIME" => Value::from(clock(row.try_get_unchecked(at)?)),
                // The driver's own dates have no infinity, and panic.
                "DATE" => return Ok(pg_date(row.try_get_unchecked(at)?).map(Value::from)),
                "TIMESTAMP" => return Ok(pg_moment(row.try_get_unchecked(at)?, "").map(Value::from)),
                "TIMESTAMPTZ" => return Ok(pg_moment(row.try_get_unchecked(at)?, "+00").map(Value::from)),
                "UUID" => Value::from(row.try_get_unchecked::<Uuid, _>(at)?.to_string()),
                "JSON" | "JSONB" => row.try_get_unchecked(at)?,
                "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "citext" => {
                    Value::from(row.try_get_unchecked::<String, _>(at)?)
                }
                _ => return Ok(None),
            }))
        })
    }
}

/// Reads every column; none of a column's value is that it has no form.
fn each<R: sqlx::Row>(
    row: &R,
    read: impl Fn(&R, usize) -> Result<Option<Value>, sqlx::Error>,
) -> Result<Row, Trouble>
where
    usize: sqlx::ColumnIndex<R>,
{
    let columns = row.columns().iter().map(|column| {
        let (name, kind) = (column.name(), column.type_info().name());
        let unreadable = |why: &str| Trouble {
            hint: Some("leave it out, or make a text of it: CAST(… AS CHAR), TO_BASE64(…), …::text"),
            ..Trouble::lasting(format!("the column `{name}` of type {kind} {why}"))
        };
        match read(row, column.ordinal()) {
            Ok(Some(value)) => Ok((name.to_owned(), value)),
            Ok(None) => Err(unreadable("has no readable form")),
            Err(sqlx::Error::ColumnDecode { .. }) => Err(unreadable("holds a value that can't be read")),
            Err(error) => Err(Trouble::of(Stage::Running, &error)),
        }
    });
    columns.collect()
}

/// A date of MySQL's, whose `0000-00-00` is none.
fn some_date<'r, T: Decode<'r, MySql>>(row: &'r MySqlRow, at: usize) -> Result<Option<T>, sqlx::Error> {
    match row.try_get_unchecked(at) {
        Ok(date) => Ok(Some(date)),
        Err(sqlx::Error::ColumnDecode { source, .. }) if source.is::<UnexpectedNullError>() => Ok(None),
        Err(error) => Err(error),
    }
}

/// From days since the year 2000.
fn pg_date(days: i32) -> Option<String> {
    match days {
        i32::MAX => Some("infinity".to_owned()),
        i32::MIN => Some("-infinity".to_owned()),
        days => pg_epoch()?.checked_add(Duration::days(days.into())).map(date),
    }
}

/// From microseconds since then.
fn pg_moment(micros: i64, zone: &str) -> Option<String> {
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
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::from(number.to_string()), Value::Number)
}

/// A single 0.1 is 0.1 and not 0.10000000149011612.
fn single(number: f32) -> Value {
    float(number.to_string().parse().unwrap_or_else(|_| f64::from(number)))
}

fn date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

fn clock(time: Time) -> String {
    let whole = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    match time.microsecond() {
        0 => whole,
        micros => format!("{whole}.{micros:06}").trim_end_matches('0').to_owned(),
    }
}

/// A time of MySQL's, which may be negative or longer than a day.
fn span(time: MySqlTime) -> String {
    let text = time.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |text| ("-", text));
    let zero = if text.find(':') == Some(1) { "0" } else { "" };
    format!("{sign}{zero}{text}")
}

fn moment(moment: PrimitiveDateTime) -> String {
    format!("{} {}", date(moment.date()), clock(moment.time()))
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => 8,
    }
}
