//! The modules of a crate, and where the paths in them end.
//!
//! Rejected: `cargo modules`, which would have to be installed, and knows nothing of files.

use std::collections::{BTreeMap, BTreeSet};

use syn::Item;
use syn::visit::Visit as _;

use crate::module::{Module, Name, only_for_tests};

pub(crate) struct Modules(Vec<Module>);

/// Where a path ends.
enum End {
    Module(usize),
    Item(usize, String),
}

impl Modules {
    /// Reads all modules below a crate's root that are built not only for tests.
    pub(crate) fn read(texts: &BTreeMap<String, String>, root: &str) -> Self {
        let mut modules = Self(Vec::new());
        let folder = &root[..root.rfind('/').map_or(0, |slash| slash + 1)];
        modules.add(texts, root, folder, 0, &parsed(texts, root));
        modules
    }

    fn add(
        &mut self,
        texts: &BTreeMap<String, String>,
        file: &str,
        folder: &str,
        parent: usize,
        items: &[Item],
    ) -> usize {
        let id = self.0.len();
        self.0.push(Module { file: file.to_owned(), parent, ..Module::default() });
        for item in items.iter().filter(|item| !only_for_tests(item)) {
            let Item::Mod(inner) = item else {
                self.0[id].visit_item(item);
                continue;
            };
            let name = inner.ident.to_string();
            let below = format!("{folder}{name}/");
            let child = if let Some((_, items)) = &inner.content {
                self.add(texts, file, &below, id, items)
            } else {
                let paths = [format!("{folder}{name}.rs"), format!("{below}mod.rs")];
                let path = paths.into_iter().find(|path| texts.contains_key(path));
                let path = path.unwrap_or_else(|| panic!("{file} has a module without a file: {name}"));
                self.add(texts, &path, &below, id, &parsed(texts, &path))
            };
            self.0[id].names.entry(name).or_default().push(Name::Module(child));
        }
        id
    }

    /// The files.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.0.iter().map(|module| module.file.as_str()).collect()
    }

    /// Each path that is written somewhere: in which file, and the files and names where it ends.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&str, Vec<(&str, String)>)> {
        self.0.iter().enumerate().flat_map(move |(id, module)| {
            let all = module.paths.iter().map(move |path| (path, false));
            let all = all.chain(module.globs.iter().map(|path| (path, true)));
            all.map(move |(path, glob)| {
                let ends = self.resolve(id, path, &mut BTreeSet::new());
                let ends = ends.into_iter().filter_map(move |end| match end {
                    End::Item(module, name) => Some((self.0[module].file.as_str(), name)),
                    // The name of a module alone says nothing; what is used of it does.
                    End::Module(module) => glob.then(|| (self.0[module].file.as_str(), "*".to_owned())),
                });
                (module.file.as_str(), ends.collect())
            })
        })
    }

    pub(crate) fn are_parent_and_child(&self, one: &str, other: &str) -> bool {
        self.0.iter().any(|module| {
            let pair = [module.file.as_str(), self.0[module.parent].file.as_str()];
            pair == [one, other] || pair == [other, one]
        })
    }

    fn resolve(&self, from: usize, path: &[String], under_way: &mut BTreeSet<(usize, String)>) -> Vec<End> {
        let mut ends = vec![End::Module(from)];
        for (n, segment) in path.iter().enumerate() {
            // What stands before `::` is a module if it can be one: a function of the same name can't.
            if ends.iter().any(|end| matches!(end, End::Module(_))) {
                ends.retain(|end| matches!(end, End::Module(_)));
            }
            let mut next = Vec::new();
            for end in ends {
                match (end, segment.as_str()) {
                    (End::Item(module, name), _) => next.push(End::Item(module, name)),
                    (End::Module(_), "crate") => next.push(End::Module(0)),
                    (End::Module(module), "self") => next.push(End::Module(module)),
                    (End::Module(module), "super") => next.push(End::Module(self.0[module].parent)),
                    (End::Module(module), name) => match self.look_up(module, name, under_way) {
                        // Of our own module, and not seen there: a macro defines it.
                        found if found.is_empty() && n > 0 => next.push(End::Item(module, name.to_owned())),
                        found => next.extend(found),
                    },
                }
            }
            ends = next;
        }
        ends
    }

    fn look_up(&self, module: usize, name: &str, under_way: &mut BTreeSet<(usize, String)>) -> Vec<End> {
        let fresh = under_way.insert((module, name.to_owned()));
        let mut ends = Vec::new();
        for found in self.0[module].names.get(name).into_iter().flatten() {
            match found {
                Name::Module(child) => ends.push(End::Module(*child)),
                Name::Item => ends.push(End::Item(module, name.to_owned())),
                Name::Use(path) if fresh => ends.extend(self.resolve(module, path, under_way)),
                Name::Use(_) => {}
            }
        }
        if fresh && ends.is_empty() {
            for glob in &self.0[module].globs {
                for end in self.resolve(module, glob, under_way) {
                    if let End::Module(other) = end {
                        ends.extend(self.look_up(other, name, under_way));
                    }
                }
            }
        }
        if fresh {
            under_way.remove(&(module, name.to_owned()));
        }
        ends
    }
}

fn parsed(texts: &BTreeMap<String, String>, file: &str) -> Vec<Item> {
    syn::parse_file(&texts[file]).unwrap_or_else(|error| panic!("{file}: {error}")).items
}

/// The roots of all crates of the workspace, out of all files.
pub(crate) fn roots(texts: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let is_root = |path: &&str| ["src/lib.rs", "src/main.rs"].iter().any(|root| path.ends_with(root));
    let roots = texts.keys().map(String::as_str).filter(is_root);
    let roots: Vec<&str> = roots.filter(|path| !path.starts_with("examples/")).collect();
    assert_eq!(roots.len(), 9, "{roots:?}");
    roots.into_iter()
}
