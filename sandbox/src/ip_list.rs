//! The list of addresses that may ask for an account's access tokens (API IP 白名单).
//!
//! Without a list every address may, as on the test account. Once an account has one, an address that isn't on it gets
//! 40164 with the address in the text, which is how its owner learns what to put on the list.

use std::{collections::BTreeSet, net::IpAddr};

/// How many addresses a list may have; more are ignored, with a warning.
const MAX_ADDRESSES: usize = 256;

/// An account's list, if it has one.
#[derive(Debug, Default)]
pub(crate) struct IpList(Option<BTreeSet<IpAddr>>);

impl IpList {
    /// From now on only these addresses may; `None`: every address.
    pub(crate) fn set(&mut self, addresses: Option<Vec<IpAddr>>) {
        self.0 = addresses.is_some().then(BTreeSet::new);
        for address in addresses.into_iter().flatten() {
            self.allow(address);
        }
    }

    /// This address may too. Nothing changes without a list.
    pub(crate) fn allow(&mut self, address: IpAddr) {
        let Some(list) = &mut self.0 else { return };
        if list.len() < MAX_ADDRESSES {
            list.insert(address.to_canonical());
        } else {
            tracing::warn!(%address, most = MAX_ADDRESSES, "too many addresses on the list: a new one is ignored");
        }
    }

    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        self.0.as_ref().is_none_or(|list| list.contains(&address.to_canonical()))
    }

    pub(crate) fn addresses(&self) -> Option<Vec<IpAddr>> {
        self.0.as_ref().map(|list| list.iter().copied().collect())
    }
}
