//! Files that know each other in a circle can't be read, tested or moved one without the other.
//!
//! A file knows another one if a path in it ends, through any re-exports, at a name that is defined there. A module and
//! its direct parent may know each other. What is built only for tests doesn't count.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Modules, roots};
use crate::repository::texts;

/// What each file knows: the names, by the file that defines them.
type Known = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[test]
fn no_files_know_each_other_in_a_circle() {
    let texts: BTreeMap<String, String> = texts().into_iter().collect();
    let circles: Vec<String> = roots(&texts).flat_map(|root| circles(&Modules::read(&texts, root))).collect();
    assert!(circles.is_empty(), "{} circles:\n\n{}", circles.len(), circles.join("\n"));
}

/// Each circle as the lines `file → file: names` within it.
fn circles(modules: &Modules) -> Vec<String> {
    let known = known(modules);
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        known.keys().map(|file| (file.as_str(), reach(&known, file))).collect();
    let circle = |file: &str| -> Vec<&str> {
        let back = |other: &&str| reached.get(other).is_some_and(|files| files.contains(file));
        reached[file].iter().copied().filter(back).collect()
    };
    let circles = reached.keys().map(|file| (file, circle(file)));
    let first = circles.filter(|(file, circle)| circle.first() == Some(*file));
    first.map(|(_, circle)| print(&known, &circle)).collect()
}

fn known(modules: &Modules) -> Known {
    let mut known = Known::new();
    for (file, ends) in modules.paths() {
        for (other, name) in ends {
            if file != other && !modules.are_parent_and_child(file, other) {
                let names = known.entry(file.to_owned()).or_default().entry(other.to_owned()).or_default();
                names.insert(name);
            }
        }
    }
    known
}

/// All files that this one knows, or that one of those knows, and so on.
fn reach<'a>(known: &'a Known, file: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = vec![file];
    while let Some(file) = next.pop() {
        let others = known.get(file).into_iter().flat_map(BTreeMap::keys);
        next.extend(others.map(String::as_str).filter(|other| found.insert(*other)));
    }
    found
}

fn print(known: &Known, circle: &[&str]) -> String {
    let mut lines = format!("{} files:\n", circle.len());
    for file in circle {
        for (other, names) in known[*file].iter().filter(|(other, _)| circle.contains(&other.as_str())) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            lines += &format!("  {file} → {other}: {}\n", names.join(", "));
        }
    }
    lines
}

/// The circles of a crate whose files are these.
fn planted(files: &[(&str, &str)]) -> Vec<String> {
    let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    circles(&Modules::read(&texts, "lib.rs"))
}

#[test]
fn two_files_in_a_circle_are_found_by_uses_and_by_inline_paths() {
    let lib = ("lib.rs", "mod a; mod b;");
    let line = |from, to, name| format!("  {from}.rs → {to}.rs: {name}\n");
    let found = format!("2 files:\n{}{}", line("a", "b", "B"), line("b", "a", "A"));
    let a = ("a.rs", "use crate::b::B; pub struct A(B);");
    for b in [
        "use super::a::{A as Other}; pub struct B;",
        "pub struct B; impl B { fn f() { crate::a::A::new() } }",
        "use crate::a; pub struct B; fn f(a: &a::A) {}",
        "pub struct B; fn f() { println!(\"{}\", [crate::a::A]); }",
        "pub struct B; mod inner { mod deep { use super::super::super::a::A; } }",
    ] {
        assert_eq!(planted(&[lib, a, ("b.rs", b)]), [found.as_str()], "{b}");
    }
}

#[test]
fn a_circle_is_found_through_a_re_export() {
    let lib = ("lib.rs", "mod a; mod b; mod c;");
    let [b, inner] =
        [("b.rs", "mod inner; pub use inner::*;"), ("b/inner.rs", "use crate::c::C; pub enum Inner {}")];
    let c = ("c.rs", "use crate::a::A; pub struct C;");
    let found = planted(&[lib, ("a.rs", "use crate::b::Inner; pub struct A;"), b, inner, c]);
    let lines = ["3 files:", "  a.rs → b/inner.rs: Inner", "  b/inner.rs → c.rs: C", "  c.rs → a.rs: A"];
    assert_eq!(found.iter().flat_map(|circle| circle.lines()).collect::<Vec<_>>(), lines);
}

#[test]
fn parent_and_child_and_tests_are_no_circle() {
    let lib = ("lib.rs", "mod a; mod b;");
    let a = (
        "a/mod.rs",
        "mod child; use child::Child; pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
    );
    let child = ("a/child.rs", "use super::A; pub struct Child;");
    let b = ("b.rs", "use crate::a::A; pub struct B; #[cfg(test)] fn f(b: crate::a::A) {}");
    assert_eq!(planted(&[lib, a, child, b]), Vec::<String>::new());
    let grandparent = planted(&[
        ("lib.rs", "mod a; use a::child::Child; pub struct Lib;"),
        ("a.rs", "mod child;"),
        ("a/child.rs", "use crate::Lib; pub struct Child;"),
    ]);
    assert_eq!(grandparent.len(), 1);
}
