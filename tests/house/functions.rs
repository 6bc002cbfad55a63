//! Functions that fit on a screen, and don't nest so deep that a reader loses count.
//!
//! What is built only for tests doesn't count: a table of cases may be long.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Block, ExprMatch, ImplItemFn, Item, ItemFn, TraitItemFn};

use crate::module::only_for_tests;
use crate::modules::{Modules, roots};
use crate::repository::texts;

/// From the line with `fn` to that of the last brace.
const LINES_MAX: usize = 60;
/// Braces of code within one another, the function's own not counted.
const LEVELS_MAX: usize = 4;

/// A function, and how long and deep it is.
struct Measured {
    name: String,
    lines: usize,
    levels: usize,
}

#[test]
fn no_function_is_longer_than_a_screen_or_nested_too_deep() {
    let texts: BTreeMap<String, String> = texts().into_iter().collect();
    let mut problems = Vec::new();
    for root in roots(&texts) {
        for file in Modules::read(&texts, root).files() {
            for Measured { name, lines, levels } in measured(&texts[file]) {
                if lines > LINES_MAX || levels > LEVELS_MAX {
                    problems.push(format!("{file}: {name} has {lines} lines and {levels} levels"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn measured(text: &str) -> Vec<Measured> {
    let mut functions = Functions::default();
    functions.visit_file(&syn::parse_file(text).unwrap());
    functions.found
}

/// Walks through a file. `level` is that of the place where it is, in the innermost function.
#[derive(Default)]
struct Functions {
    found: Vec<Measured>,
    level: usize,
    deepest: usize,
}

impl Functions {
    /// Goes one level down, and up again.
    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.level += 1;
        self.deepest = self.deepest.max(self.level);
        walk(self);
        self.level -= 1;
    }

    fn measure(&mut self, name: String, first: Span, block: &Block) {
        let outer = (std::mem::take(&mut self.level), std::mem::take(&mut self.deepest));
        visit::visit_block(self, block);
        let lines = block.brace_token.span.close().end().line - first.start().line + 1;
        self.found.push(Measured { name, lines, levels: self.deepest });
        (self.level, self.deepest) = outer;
    }
}

impl Visit<'_> for Functions {
    fn visit_item(&mut self, item: &Item) {
        if !only_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &ItemFn) {
        self.measure(function.sig.ident.to_string(), function.sig.fn_token.span, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &ImplItemFn) {
        self.measure(function.sig.ident.to_string(), function.sig.fn_token.span, &function.block);
    }

    fn visit_trait_item_fn(&mut self, function: &TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(function.sig.ident.to_string(), function.sig.fn_token.span, block);
        }
    }

    fn visit_block(&mut self, block: &Block) {
        self.within(|this| visit::visit_block(this, block));
    }

    fn visit_expr_match(&mut self, choice: &ExprMatch) {
        self.within(|this| visit::visit_expr_match(this, choice));
    }
}

#[test]
fn functions_are_measured_each_by_itself_and_without_tests() {
    let text = "
fn outer(a: bool) {
    if a {
        loop {}
    }
    fn inner() {
        { { match () {
            () => { break; }
        } } }
    }
}
#[cfg(test)]
mod tests {
    fn test() {}
}
trait Shape {
    fn sides(&self);
    fn corners(&self) -> u32 { 0 }
}
";
    let found = measured(text).into_iter().map(|it| (it.name, it.lines, it.levels)).collect::<Vec<_>>();
    let expected = [("inner", 5, 4), ("outer", 10, 2), ("corners", 1, 0)];
    assert_eq!(found, expected.map(|(name, lines, levels)| (name.to_owned(), lines, levels)));
}
