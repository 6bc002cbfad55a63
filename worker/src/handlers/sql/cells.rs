//! Rows as JSON, so that templates can name their columns.
//!
//! Whole and floating numbers stay numbers, booleans stay booleans, NULL is none, JSON is what it says. Decimals are texts
//! with all their digits, since a price of `12.50` isn't `12.5`. Dates are texts as the database's own client shows them. A
//! column of bytes, or of a type that has no such form, is an error that names it: a guess would reach a user.

use serde_json::{Map, Value};
use sqlx::error::UnexpectedNullError;
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::postgres::PgTypeKind;
use sqlx::sqlite::SqliteRow;
use sqlx::types::{Decimal, Uuid};
use sqlx::{Column as _, Decode, MySql, Row as _, Type, TypeInfo as _, ValueRef as _};
use time::{Date, PrimitiveDateTime};

use super::failure::{LookUpFailure, Stage};
use super::value_text::{clock, date, float, moment, pg_date, pg_moment, single, span};

/// A row by its columns' names.
pub(super) type Row = Map<String, Value>;

/// A driver's row.
pub(super) trait Cells {
    fn read(&self) -> Result<Row, LookUpFailure>;
}

impl Cells for SqliteRow {
    /// By each value's own type: in SQLite the type of a column says little.
    fn read(&self) -> Result<Row, LookUpFailure> {
        each(self, |row, at| {
            let kind = row.try_get_raw(at)?.type_info().name().to_owned();
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
    fn read(&self) -> Result<Row, LookUpFailure> {
        each(self, |row, at| {
            let kind = row.try_get_raw(at)?.type_info().into_owned();
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
    fn read(&self) -> Result<Row, LookUpFailure> {
        each(self, |row, at| {
            let kind = row.try_get_raw(at)?.type_info().into_owned();
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

/// Reads every column. `read` gives `None` for a value that has no such form.
fn each<R: sqlx::Row>(
    row: &R,
    read: impl Fn(&R, usize) -> Result<Option<Value>, sqlx::Error>,
) -> Result<Row, LookUpFailure>
where
    usize: sqlx::ColumnIndex<R>,
{
    let columns = row.columns().iter().map(|column| {
        let (name, kind) = (column.name(), column.type_info().name());
        let unreadable = |why: &str| LookUpFailure {
            hint: Some("leave it out, or convert it to text: CAST(… AS CHAR), TO_BASE64(…), …::text"),
            ..LookUpFailure::lasting(format!("the column `{name}` of type {kind} {why}"))
        };
        let at = column.ordinal();
        let value = match row.try_get_raw(at) {
            Ok(raw) if raw.is_null() => Ok(Some(Value::Null)),
            raw => raw.and_then(|_| read(row, at)),
        };
        match value {
            Ok(Some(value)) => Ok((name.to_owned(), value)),
            Ok(None) => Err(unreadable("has no readable form")),
            Err(sqlx::Error::ColumnDecode { .. }) => Err(unreadable("holds a value that can't be read")),
            Err(error) => Err(LookUpFailure::of(Stage::Running, &error)),
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
