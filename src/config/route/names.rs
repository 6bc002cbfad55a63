//! The names that templates of a route may use: what every message has, and what this route's patterns capture.
//!
//! A template is strict, so a name that is never there costs every message that the route takes. So names are checked
//! when the configuration is read, except the columns of a query, which can't be known then.

use std::collections::BTreeSet;

use huixin_worker::{TEMPLATE_NAMES, Template};
use regex::Regex;

use crate::config::problem::{Mistake, nearest};

/// What a route's patterns capture.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct CaptureNames {
    names: BTreeSet<String>,
    /// A pattern can't be read, and might have any group.
    open: bool,
}

/// What a template may name.
#[derive(Clone, Copy)]
pub(in crate::config) struct TemplateNames<'a> {
    pub(in crate::config) captures: &'a CaptureNames,
    /// What its handler adds.
    pub(in crate::config) added: Added,
}

/// What a handler adds to the names that every message has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Added {
    /// These.
    Only(&'static [&'static str]),
    /// The columns of a query, which only its database knows.
    Columns,
}

impl CaptureNames {
    pub(super) fn of<'p>(patterns: impl IntoIterator<Item = &'p Regex>, open: bool) -> Self {
        let groups = |pattern: &'p Regex| pattern.capture_names().flatten().map(str::to_owned);
        Self { names: patterns.into_iter().flat_map(groups).collect(), open }
    }

    /// Whether there may be a group of this name.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.open || self.names.contains(name)
    }

    /// The names of all groups.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

impl TemplateNames<'_> {
    /// Checks a template; `place` tells which of several it is.
    pub(in crate::config) fn check(&self, template: &str, place: &str) -> Result<(), Mistake> {
        let template = Template::compile(template)
            .map_err(|error| Mistake::new(format!("has a bad template{place}: {error}")))?;
        template.names().iter().try_for_each(|used| self.know(used, place))
    }

    fn know(&self, used: &str, place: &str) -> Result<(), Mistake> {
        let mut levels = used.split('.');
        let (name, part) = (levels.next().unwrap_or_default(), levels.next());
        if let ("captures", Some(group)) = (name, part) {
            return match self.captures.may_have(group) {
                true => Ok(()),
                false => Err(self.no_group(group, place)),
            };
        }
        let Added::Only(added) = self.added else { return Ok(()) };
        if TEMPLATE_NAMES.contains(&name) || added.contains(&name) {
            return Ok(());
        }
        let mistake = Mistake::new(format!("names `{name}`{place}, which no message has"));
        let known = TEMPLATE_NAMES.iter().chain(added).copied();
        Err(mistake.hint(match nearest(name, known.clone(), 0.6) {
            _ if self.captures.names.contains(name) => format!("write `captures.{name}`"),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
        }))
    }

    fn no_group(&self, group: &str, place: &str) -> Mistake {
        let what = format!("names `captures.{group}`{place}, which no pattern of the route captures");
        Mistake::new(what).hint(match nearest(group, self.captures.names(), 0.6) {
            Some(near) => format!("did you mean `captures.{near}`?"),
            None => format!("name a group of the pattern: match = {{ text = '(?<{group}>…)' }}"),
        })
    }
}
