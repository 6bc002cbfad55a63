//! Fetches media from an address, within limits of time and size.
//!
//! Redirects are followed here and not by the HTTP client, because every hop is an address that somebody else chose. Each
//! goes through the [`AddressGuard`], over a connection of its own. No cookies, no referrer, no decompression (a small answer
//! can't become a large one), no proxy unless one is set.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use huixin_wechat::MediaKind;
use reqwest::header::{ACCEPT, LOCATION};
use reqwest::{Response, StatusCode};
use url::{Host, Url};

use super::MediaSettings;
use super::check::too_large;
use super::error::{MediaFault, without_secrets};
use super::guard::{AddressGuard, LookUpError, NameLookUp};

const REDIRECTS_MAX: usize = 5;

pub(super) struct Fetcher {
    client: reqwest::Client,
    guard: AddressGuard,
    /// The proxy makes the connections, so names are judged before it is asked.
    proxied: bool,
    timeout: Duration,
}

impl Fetcher {
    pub(super) fn new(settings: &MediaSettings, names: Arc<dyn NameLookUp>) -> Result<Self, reqwest::Error> {
        let guard = AddressGuard::new(names, &settings.allow_private);
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .user_agent(concat!("huixin/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            // Every hop looks its name up; kept connections would pile up, one for each host that anybody names.
            .pool_max_idle_per_host(0);
        let builder = match &settings.proxy {
            // Only the proxy's own name is looked up then, and it may lead anywhere.
            Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy.clone())?),
            None => builder.no_proxy().dns_resolver(guard.clone()),
        };
        Ok(Self {
            client: builder.build()?,
            guard,
            proxied: settings.proxy.is_some(),
            timeout: settings.timeout,
        })
    }

    /// What is at the address: at most the bytes that WeChat takes for the kind.
    pub(super) async fn fetch(&self, kind: MediaKind, address: &str) -> Result<Bytes, MediaFault> {
        let url = Url::parse(address.trim())
            .map_err(|error| MediaFault::Reply(format!("is not a URL: {error}")))?;
        tokio::time::timeout(self.timeout, self.follow(kind, url)).await.unwrap_or_else(|_| {
            Err(MediaFault::Source(format!("fetching it took longer than {:?}", self.timeout)))
        })
    }

    async fn follow(&self, kind: MediaKind, start: Url) -> Result<Bytes, MediaFault> {
        let mut url = start;
        for hop in 0..=REDIRECTS_MAX {
            let response = self.ask(kind, &url).await.map_err(|fault| on_the_way(fault, hop, &url))?;
            match location(&response) {
                Some(location) => {
                    url = url.join(&location).map_err(|error| {
                        MediaFault::Reply(format!("redirects to something that is not a URL: {error}"))
                    })?;
                }
                None => return read(kind, response).await.map_err(|fault| on_the_way(fault, hop, &url)),
            }
        }
        Err(MediaFault::Reply(format!("redirects more than {REDIRECTS_MAX} times")))
    }

    async fn ask(&self, kind: MediaKind, url: &Url) -> Result<Response, MediaFault> {
        self.guard.admit(url).map_err(|refusal| MediaFault::Reply(refusal.to_string()))?;
        if let (true, Some(Host::Domain(name))) = (self.proxied, url.host()) {
            match self.guard.look_up(name).await {
                Err(LookUpError::Refused(refusal)) => return Err(MediaFault::Reply(refusal.to_string())),
                // Perhaps only the proxy knows the name.
                Err(LookUpError::Failed(_)) | Ok(_) => {}
            }
        }
        let types: Vec<&str> = kind.file_types().iter().map(|file_type| file_type.mime).collect();
        let accept = format!("{}, */*;q=0.1", types.join(", "));
        self.client.get(url.clone()).header(ACCEPT, accept).send().await.map_err(failed)
    }
}

/// Where a response redirects to.
fn location(response: &Response) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    response.headers().get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

async fn read(kind: MediaKind, mut response: Response) -> Result<Bytes, MediaFault> {
    let status = response.status();
    if status != StatusCode::OK {
        let why = format!("the server answered HTTP {}", status.as_u16());
        let later = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        return Err(if later { MediaFault::Source(why) } else { MediaFault::Reply(why) });
    }
    let most = kind.max_bytes();
    let announced = response.content_length().unwrap_or_default();
    if announced > most as u64 {
        return Err(too_large(kind));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > most {
            return Err(too_large(kind));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// The client's error: a refusal of the guard's is inside it.
fn failed(error: reqwest::Error) -> MediaFault {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    loop {
        if let Some(LookUpError::Refused(refusal)) = cause.downcast_ref() {
            return MediaFault::Reply(refusal.to_string());
        }
        match cause.source() {
            Some(inner) => cause = inner,
            // The outermost only says "error sending request"; the innermost says why.
            None => return MediaFault::Source(format!("the server can't be reached: {cause}")),
        }
    }
}

/// Names the address that a redirect led to.
fn on_the_way(fault: MediaFault, hop: usize, url: &Url) -> MediaFault {
    let with_hop = |why: String| match hop {
        0 => why,
        _ => format!("redirects to {}: {why}", without_secrets(url)),
    };
    match fault {
        MediaFault::Reply(why) => MediaFault::Reply(with_hop(why)),
        MediaFault::Source(why) => MediaFault::Source(with_hop(why)),
    }
}
