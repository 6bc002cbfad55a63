//! A string that doesn't print itself.
//!
//! Tokens, AppSecrets and keys travel through configuration structs that people print with `{:?}`. A type whose `Debug` and
//! `Display` are `***` makes the leak impossible to write by accident, and [`Secret::expose`] makes every intended use
//! searchable. It isn't wiped from memory on drop: anyone who reads this process's memory has the traffic too.

use derive_more::{Debug, Display, From};
use serde::Deserialize;

/// A secret string; prints as `***`. There is no `Serialize`: a secret is never written back.
#[derive(Clone, PartialEq, Eq, Deserialize, Debug, Display, From)]
#[serde(transparent)]
#[debug("***")]
#[display("***")]
#[from(String, &str)]
pub struct Secret(String);

impl Secret {
    /// The secret itself, for signing or sending; never for printing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars_and_is_read_from_a_plain_string() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
    }
}
