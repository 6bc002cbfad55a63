//! How a value of each type is shown by `huixin check --print`: as the TOML that reads as the same value again, except secrets.
//!
//! Types that only one section has are shown beside that section.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use huixin_wechat::{AesKey, Secret};
use ipnet::IpNet;
use regex::Regex;
use serde_json::{Map, Value as Json};
use toml::Value;
use url::Url;

use super::ByteSize;
use super::mask::{MASK, MaskedUrl, masked};

/// What can be shown.
pub(super) trait Shown {
    /// As a TOML value, without secrets.
    fn shown(&self) -> Value;
}

/// Makes types [`Shown`], each by what becomes a TOML value.
macro_rules! shown {
    ($($type:ty: |$value:pat_param| $shown:expr;)+) => {$(
        impl $crate::config::shown::Shown for $type {
            fn shown(&self) -> toml::Value {
                let $value = self;
                toml::Value::from($shown)
            }
        }
    )+};
}
pub(super) use shown;

shown! {
    bool: |value| *value;
    u32: |value| i64::from(*value);
    f64: |value| *value;
    String: |text| text.as_str();
    Duration: |duration| humantime::format_duration(*duration).to_string();
    ByteSize: |size| size.to_string();
    PathBuf: |path| path.display().to_string();
    SocketAddr: |address| address.to_string();
    IpNet: |network| network.to_string();
    Regex: |pattern| pattern.as_str();
    Url: |url| masked(url).as_str().trim_end_matches('/');
    MaskedUrl: |url| masked(&url.0).to_string();
    Secret: |_| MASK;
    AesKey: |_| MASK;
    // Both were made of TOML, which has no null.
    Json: |json| Value::try_from(json).expect("it came from TOML");
    Map<String, Json>: |fields| Value::try_from(fields).expect("it came from TOML");
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> Value {
        self.iter().map(Shown::shown).collect::<Vec<_>>().into()
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Value {
        self.as_ref().map_or(Value::from(false), Shown::shown)
    }
}
