//! The budget's lines, and what is measured held against them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Figures by the names of their lines.
pub(crate) type Measured = BTreeMap<String, f64>;

/// A line of the budget.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    /// What was measured when the line was written.
    budget: f64,
    /// What it is spent on, and since when it is more than before.
    why: String,
}

/// The judgement of one run.
pub(crate) struct Verdict {
    pub(crate) table: String,
    pub(crate) faults: Vec<String>,
    pub(crate) remarks: Vec<String>,
}

/// The lines of one part of `benches/budget.toml`.
pub(crate) fn read(text: &str, part: &str) -> BTreeMap<String, Line> {
    let mut parts: BTreeMap<String, BTreeMap<String, Line>> = toml::from_str(text).unwrap();
    let lines = parts.remove(part).unwrap_or_default();
    for (name, line) in &lines {
        assert!(line.why.len() > 10, "{name} has no reason");
    }
    lines
}

/// `tolerance` is the share by which a figure may be over its line.
pub(crate) fn judge(budget: &BTreeMap<String, Line>, measured: &Measured, tolerance: f64) -> Verdict {
    let mut verdict = Verdict { table: String::new(), faults: Vec::new(), remarks: Vec::new() };
    let names: BTreeSet<&String> = budget.keys().chain(measured.keys()).collect();
    for name in names {
        match (budget.get(name), measured.get(name)) {
            (Some(line), Some(now)) => {
                let share = now / line.budget - 1.0;
                let percent = share * 100.0;
                verdict.table +=
                    &format!("{name:<28} {now:>10.2} of {:>10.2} {percent:>+7.1} %\n", line.budget);
                if share > tolerance {
                    verdict.faults.push(format!(
                        "{name} grew from {} to {now:.2}, by {percent:.1} %: make it cheaper, or raise its line in \
                         benches/budget.toml with the reason ({})",
                        line.budget, line.why
                    ));
                } else if share < -tolerance {
                    verdict.remarks.push(format!(
                        "{name} is {:.1} % under its budget: lower its line in benches/budget.toml to {now:.2}",
                        -percent
                    ));
                }
            }
            (None, Some(now)) => {
                verdict.faults.push(format!("{name} is {now:.2} and has no line in benches/budget.toml"));
            }
            (_, None) => verdict.faults.push(format!("{name} has a line and isn't measured")),
        }
    }
    verdict
}

#[test]
fn a_figure_over_its_budget_fails_and_says_by_how_much_and_one_under_it_asks_to_lower_the_line() {
    let text = "[some]\naccept = { budget = 1000, why = \"it has its reason\" }\n\
                take = { budget = 10.5, why = \"it has its reason\" }";
    let budget = read(text, "some");
    let of = |accept: f64, take: f64| {
        let measured = [("accept", accept), ("take", take)];
        judge(&budget, &measured.map(|(name, value)| (name.to_owned(), value)).into(), 0.03)
    };
    let verdict = of(1029.0, 10.5);
    assert!(verdict.faults.is_empty() && verdict.remarks.is_empty(), "{:?}", verdict.faults);
    let verdict = of(1040.0, 9.0);
    assert_eq!(verdict.faults.len(), 1);
    assert!(verdict.faults[0].contains("accept grew from 1000 to 1040.00, by 4.0 %"));
    assert!(verdict.remarks[0].contains("take is 14.3 % under"), "{:?}", verdict.remarks);
}

#[test]
fn a_figure_without_a_line_and_a_line_without_a_figure_fail() {
    let budget = read("[some]\ntake = { budget = 10.5, why = \"it has its reason\" }", "some");
    let verdict = judge(&budget, &[("accept".to_owned(), 1.0)].into(), 0.03);
    assert_eq!(verdict.faults.len(), 2, "{:?}", verdict.faults);
}
