//! What stands in place of a secret where the configuration is shown.

use std::fmt;

use url::Url;

pub(super) const MASK: &str = "***";

/// The URL with `***` in place of its password, and of its query, where services take keys. A user without a password is
/// masked too, since it may be one.
pub(super) fn masked(url: &Url) -> Url {
    let mut url = url.clone();
    if url.query().is_some() {
        url.set_query(Some(MASK));
    }
    url.set_fragment(None);
    // Only URLs without a host refuse, and those have neither.
    let _ = match (url.password().is_some(), url.username().is_empty()) {
        (true, _) => url.set_password(Some(MASK)),
        (false, false) => url.set_username(MASK),
        (false, true) => Ok(()),
    };
    url
}

/// A URL that may have a password. Prints without it.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskedUrl(pub Url);

impl fmt::Debug for MaskedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(masked(&self.0).as_str())
    }
}
