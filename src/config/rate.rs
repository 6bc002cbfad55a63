//! So many in such a time: `600/m`, `20/5m`.

use std::fmt;
use std::time::Duration;

use super::node::Node;
use super::problem::Mistake;
use super::shown::shown;
use super::value;

/// How many in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many, at least one.
    pub count: u32,
    /// In which time: whole seconds, at most a day.
    pub per: Duration,
}

const UNITS: [(&str, u64); 3] = [("h", 3600), ("m", 60), ("s", 1)];
const DAY_S: u64 = 86_400;

shown! {
    Rate: |rate| rate.to_string();
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_s = self.per.as_secs();
        let (unit, unit_s) =
            UNITS.into_iter().find(|(_, unit_s)| per_s.is_multiple_of(*unit_s)).unwrap_or(("s", 1));
        match per_s / unit_s {
            1 => write!(f, "{}/{unit}", self.count),
            units => write!(f, "{}/{units}{unit}", self.count),
        }
    }
}

/// Reads a number, a slash, and the time: a unit, or a number of them.
pub(super) fn read(node: &Node, example: &str) -> Result<Rate, Mistake> {
    let text = value::text(node)?;
    let hint = format!("write how many per second, minute or hour, like \"{example}\"");
    parse(&text).ok_or_else(|| Mistake::new(format!("is not a rate: `{text}`")).hint(hint))
}

fn parse(text: &str) -> Option<Rate> {
    let (count, per) = text.split_once('/')?;
    let per = per.trim();
    let (units, unit_s) =
        UNITS.into_iter().find_map(|(unit, unit_s)| Some((per.strip_suffix(unit)?, unit_s)))?;
    let units = if units.is_empty() { 1 } else { units.trim_end().parse::<u64>().ok()? };
    let per_s = units.checked_mul(unit_s).filter(|per_s| (1..=DAY_S).contains(per_s))?;
    let count = count.trim().parse().ok().filter(|count| (1..=1_000_000).contains(count))?;
    Some(Rate { count, per: Duration::from_secs(per_s) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_shown_in_its_shortest_form() {
        for (text, shown) in [
            ("600/m", "600/m"),
            ("20/5m", "20/5m"),
            (" 5 / 1 h ", "5/h"),
            ("1/60s", "1/m"),
            ("7/90s", "7/90s"),
            ("1000000/24h", "1000000/24h"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), shown, "{text}");
        }
        for text in ["", "20", "20/", "/m", "0/m", "20/0m", "20/25h", "1000001/s", "20/5d", "-1/m", "2/1.5m"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
