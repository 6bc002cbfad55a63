//! How the text of an element becomes a value: what is an id, a name or a number is trimmed, what someone wrote isn't.

use crate::xml::Element;

/// A field that is an id, a name or a number: trimmed.
pub(super) fn trimmed<'a>(tree: &'a Element, name: &str) -> &'a str {
    tree.text_of(name).unwrap_or_default().trim()
}

/// The same, to keep.
pub(super) fn word(tree: &Element, name: &str) -> String {
    trimmed(tree, name).to_owned()
}

/// A field that someone wrote: as it is.
pub(super) fn prose(tree: &Element, name: &str) -> String {
    tree.text_of(name).unwrap_or_default().to_owned()
}

/// An optional word: empty is none.
pub(super) fn word_if_any(tree: &Element, name: &str) -> Option<String> {
    Some(trimmed(tree, name)).filter(|word| !word.is_empty()).map(str::to_owned)
}

/// A number that is reckoned with, not an id: none if missing, or if it isn't one.
pub(super) fn number<T: std::str::FromStr>(tree: &Element, name: &str) -> Option<T> {
    tree.text_of(name)?.trim().parse().ok()
}

/// The elements called `name` inside the element `container`: none if there is no such container.
pub(super) fn inside<'a>(
    tree: &'a Element,
    container: &str,
    name: &'a str,
) -> impl Iterator<Item = &'a Element> {
    tree.get(container).into_iter().flat_map(move |container| container.all(name))
}
