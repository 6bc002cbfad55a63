//! What all sections of one load share: the notes of problems, of doubts, and of the known keys.
//!
//! Only at the very end, when every known key is known, it says what each key that nobody asked for was probably meant to be.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::environment::variable;
use super::node::ValueOrigin;
use super::page::Page;
use super::problem::{Mistake, nearest};
use super::{ConfigErrors, ConfigSource, Problem, Role};

/// What all sections of one load share.
pub(super) struct Reader<'a> {
    pub(super) role: Role,
    pub(super) folder: &'a Path,
    file: Option<&'a Path>,
    problems: RefCell<Vec<Problem>>,
    doubts: RefCell<Vec<Problem>>,
    /// Keys that were asked for: the full path, and the path without names.
    known: RefCell<BTreeMap<String, String>>,
    origins: RefCell<BTreeMap<String, ValueOrigin>>,
    strays: RefCell<Vec<Stray>>,
    /// What was read, as it is shown.
    pub(super) page: RefCell<Page>,
}

/// A key that nobody asked for.
pub(super) struct Stray {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) origin: ValueOrigin,
    pub(super) siblings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a ConfigSource, role: Role) -> Self {
        Self {
            role,
            folder: source.folder(),
            file: source.file.as_ref().map(|file| file.path.as_path()),
            problems: RefCell::default(),
            doubts: RefCell::default(),
            known: RefCell::default(),
            origins: RefCell::default(),
            strays: RefCell::default(),
            page: RefCell::default(),
        }
    }

    /// Notes a problem at a path, or at the variable or flag that the value came from.
    pub(super) fn note(&self, path: String, origin: Option<&ValueOrigin>, mistake: Mistake) {
        let problem = self.problem(path, origin, mistake);
        self.problems.borrow_mut().push(problem);
    }

    /// Notes what is probably a mistake, and may be none.
    pub(super) fn doubt(&self, path: String, origin: Option<&ValueOrigin>, mistake: Mistake) {
        let doubt = self.problem(path, origin, mistake);
        self.doubts.borrow_mut().push(doubt);
    }

    /// Notes a key that nobody asked for.
    pub(super) fn stray(&self, stray: Stray) {
        self.strays.borrow_mut().push(stray);
    }

    /// Notes that a key is known: by its full path, and by the path without names.
    pub(super) fn know(&self, path: String, kind: String) {
        self.known.borrow_mut().insert(path, kind);
    }

    /// Notes where a value came from.
    pub(super) fn given(&self, path: String, origin: ValueOrigin) {
        self.origins.borrow_mut().insert(path, origin);
    }

    fn problem(&self, path: String, origin: Option<&ValueOrigin>, mistake: Mistake) -> Problem {
        let (place, line) = match origin {
            Some(ValueOrigin::File(line)) => (path, Some(*line)),
            Some(ValueOrigin::Variable(name)) => (name.clone(), None),
            Some(ValueOrigin::Flag(name)) => ((*name).to_owned(), None),
            None => (path, None),
        };
        let file = self.file.filter(|_| line.is_some()).map(Path::to_owned);
        let Mistake { message, hint } = mistake;
        Problem { place, message, hint, file, line }
    }

    /// Where the value at a path came from, if it was given.
    pub(super) fn origin(&self, path: &str) -> Option<ValueOrigin> {
        self.origins.borrow().get(path).cloned()
    }

    pub(super) fn known_keys(&self) -> BTreeSet<String> {
        self.known.borrow().values().cloned().collect()
    }

    /// What was doubted, in the order of the reading.
    pub(super) fn doubts(&self) -> Vec<Problem> {
        self.doubts.take()
    }

    /// What was read, as it is shown, or all problems in the order of the file, then the others.
    pub(super) fn finish(self) -> Result<String, ConfigErrors> {
        for stray in self.strays.take() {
            self.note_stray(stray);
        }
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            return Ok(self.page.into_inner().into_text());
        }
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        Err(ConfigErrors(problems))
    }

    fn note_stray(&self, stray: Stray) {
        let known = self.known.borrow();
        let Stray { section, key, origin, siblings } = stray;
        let hint = if let ValueOrigin::Variable(name) = &origin {
            let variables: Vec<String> = known.keys().map(|path| variable(path)).collect();
            let near = nearest(name, variables.iter().map(String::as_str), 0.8);
            match near {
                _ if name.starts_with("HUIXIN_ROUTE") => {
                    Some("routes can be set only in the file".to_owned())
                }
                Some(near) => Some(format!("did you mean `{near}`?")),
                None => Some(
                    "a variable is named after the path of a key, like HUIXIN_QUEUE__URL for `queue.url`"
                        .to_owned(),
                ),
            }
        } else if let Some(near) = nearest(&key, siblings.iter().map(String::as_str), 0.6) {
            Some(format!("did you mean `{near}`?"))
        } else if let Some(home) = home_of(&key, &known) {
            Some(format!("it belongs to `[{home}]`"))
        } else {
            Some(format!("known here: {}", siblings.join(", ")))
        };
        let what =
            if matches!(origin, ValueOrigin::Variable(_)) { "matches no key" } else { "is not a known key" };
        self.note(join(&section, &key), Some(&origin), Mistake { message: what.to_owned(), hint });
    }
}

/// The section that has this key; routes aside, since theirs are inline.
fn home_of<'k>(key: &str, known: &'k BTreeMap<String, String>) -> Option<&'k str> {
    let ending = format!(".{key}");
    known.keys().filter(|path| !path.starts_with("route")).find_map(|path| path.strip_suffix(&ending))
}

pub(super) fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.is_empty()) {
        (true, _) => key.to_owned(),
        (_, true) => path.to_owned(),
        _ => format!("{path}.{key}"),
    }
}
