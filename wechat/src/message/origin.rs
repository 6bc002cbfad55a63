//! The optional elements that any ordinary message may carry beside its own.

use serde::Serialize;

use super::field::{number, word_if_any};
use crate::xml::Element;

/// Where a message came from, beyond its sender. Mostly empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// `MsgDataId`: the article from which the user wrote.
    pub msg_data_id: Option<String>,
    /// `Idx`: the position of that article in its broadcast, from 1.
    pub idx: Option<u64>,
    /// `BusinessId`: the sub-merchant whom the user wrote to (mini programs).
    pub business_id: Option<String>,
    /// `UnionId`: the sender's id across the accounts of one owner.
    pub union_id: Option<String>,
}

impl Origin {
    pub(super) fn of(tree: &Element) -> Origin {
        Origin {
            msg_data_id: word_if_any(tree, "MsgDataId"),
            idx: number(tree, "Idx"),
            business_id: word_if_any(tree, "BusinessId"),
            union_id: word_if_any(tree, "UnionId"),
        }
    }

    /// Whether the push said nothing of it.
    pub fn is_empty(&self) -> bool {
        *self == Origin::default()
    }
}
