//! What only this machine can reach stays out of reach (SSRF), unless a setting lets it in.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::response::IntoResponse;
use huixin_wechat::{CodeClass, Media};
use huixin_worker::media::{MediaSettings, MediaStore, NameLookUp};

use super::web::{Web, redirect};
use super::{PNG, World, assert_fault_of_reply, assert_passing, local, store};

/// Names with their addresses; each look-up takes the next answer, and the last one stays.
struct Answers {
    names: Mutex<HashMap<&'static str, Vec<&'static str>>>,
    looked_up: Mutex<Vec<String>>,
}

impl Answers {
    fn new(names: &[(&'static str, &[&'static str])]) -> Arc<Self> {
        let names = names.iter().map(|(name, answers)| (*name, answers.to_vec())).collect();
        Arc::new(Self { names: Mutex::new(names), looked_up: Mutex::default() })
    }
}

#[async_trait]
impl NameLookUp for Answers {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.looked_up.lock().unwrap().push(host.to_owned());
        let mut names = self.names.lock().unwrap();
        let answers = names.get_mut(host).ok_or_else(|| io::Error::other("no such host"))?;
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        Ok(answer.split(' ').map(|address| address.parse().unwrap()).collect())
    }
}

fn allowing(networks: &[&str]) -> MediaSettings {
    let allow_private = networks.iter().map(|network| network.parse().unwrap()).collect();
    MediaSettings { allow_private, ..MediaSettings::default() }
}

#[tokio::test]
async fn addresses_that_only_this_machine_can_reach_are_refused_in_every_spelling() {
    let world = World::new().await;
    let web = Web::with_picture().await;
    let port = web.address.port();
    let names = Answers::new(&[("inner.test", &["127.0.0.1"]), ("metadata.test", &["169.254.169.254"])]);
    let with_names = MediaStore::with_names(&MediaSettings::default(), names).unwrap();
    let with_system = store(&MediaSettings::default());
    for (store, host, says) in [
        (&with_system, "169.254.169.254", "169.254.169.254 is a link-local address"),
        (&with_system, "127.0.0.1", "127.0.0.1 is a loopback address"),
        (&with_system, "127.1", "127.0.0.1 is a loopback address"),
        (&with_system, "0x7f000001", "127.0.0.1 is a loopback address"),
        (&with_system, "2130706433", "127.0.0.1 is a loopback address"),
        (&with_system, "017700000001", "127.0.0.1 is a loopback address"),
        (&with_system, "0", "0.0.0.0 is an unspecified address"),
        (&with_system, "[::1]", "::1 is a loopback address"),
        (&with_system, "[::]", ":: is an unspecified address"),
        (&with_system, "[::ffff:127.0.0.1]", "::ffff:127.0.0.1 is a loopback address"),
        (&with_system, "[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254 is a link-local address"),
        (&with_system, "[::127.0.0.1]", "is an IPv4 address in IPv6 form"),
        (&with_system, "[2002:7f00:1::]", "is an IPv4 address in IPv6 form"),
        (&with_system, "[64:ff9b::7f00:1]", "is an IPv4 address behind NAT64"),
        (&with_system, "[fd00:ec2::254]", "fd00:ec2::254 is a private address"),
        (&with_system, "10.0.0.1", "10.0.0.1 is a private address"),
        (&with_system, "100.100.100.200", "is an address behind a provider's NAT"),
        (&with_system, "localhost", "localhost leads to a forbidden address: "),
        (&with_system, "LOCALHOST", "localhost leads to a forbidden address: "),
        (
            &with_names,
            "inner.test",
            "inner.test leads to a forbidden address: 127.0.0.1 is a loopback address",
        ),
        (
            &with_names,
            "metadata.test",
            "metadata.test leads to a forbidden address: 169.254.169.254 is a link-",
        ),
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/latest/meta-data?x=1");
            let error = world.refused(store, Media::Url(url)).await;
            assert_fault_of_reply(&error, says);
            assert!(error.to_string().contains("`allow_private` under [media]"), "{error}");
            assert_eq!(error.class(), CodeClass::Permanent);
        }
    }
    assert_eq!(web.asked().len(), 0, "somebody was asked");
}

#[tokio::test]
async fn what_the_settings_allow_is_fetched_in_every_spelling() {
    let world = World::new().await;
    let web = Web::with_picture().await;
    let port = web.address.port();
    let names = Answers::new(&[("inner.test", &["127.0.0.1"]), ("both.test", &["10.0.0.1 127.0.0.1"])]);
    let with_names = MediaStore::with_names(&local(), names).unwrap();
    let with_system = store(&local());
    let hosts = [
        (&with_system, "127.0.0.1"),
        (&with_system, "0x7f000001"),
        (&with_system, "2130706433"),
        (&with_system, "[::ffff:127.0.0.1]"),
        (&with_system, "localhost"),
        (&with_names, "inner.test"),
        // Of its addresses only one is allowed, so only that one is asked.
        (&with_names, "both.test"),
    ];
    for (store, host) in hosts {
        world.picture(store, Media::Url(format!("http://{host}:{port}/"))).await.unwrap();
    }
    assert_eq!(web.asked().len(), hosts.len());
}

#[tokio::test]
async fn a_redirect_is_judged_like_the_first_address() {
    let world = World::new().await;
    let store = store(&local());
    let inner = Web::on("127.0.0.2:0", |_| async { PNG.into_response() }).await;
    let secret = inner.url("/secret?key=s3cret");
    let to = secret.clone();
    let web = Web::answering(move |uri| {
        redirect(match uri {
            "/inner" => &to,
            "/twice" => "/inner",
            "/metadata" => "http://169.254.169.254/latest/meta-data",
            "/network-path" => "//[::1]:6379/",
            "/file" => "file:///etc/passwd",
            "/credentials" => "http://me:s3cret@127.0.0.1/",
            _ => "http://",
        })
    })
    .await;
    let place = inner.url("/secret");
    for (path, says) in [
        (
            "/inner",
            format!("`url` {}: redirects to {place}: 127.0.0.2 is a loopback address", web.url("/inner")),
        ),
        ("/twice", format!("redirects to {place}: 127.0.0.2 is a loopback address")),
        (
            "/metadata",
            "redirects to http://169.254.169.254/latest/meta-data: 169.254.169.254 is a link".to_owned(),
        ),
        ("/network-path", "redirects to http://[::1]:6379/: ::1 is a loopback address".to_owned()),
        ("/file", "redirects to file:///etc/passwd: only http and https".to_owned()),
        ("/credentials", "redirects to http://127.0.0.1/: an address may not have a user name".to_owned()),
        ("/none", "redirects to something that is not a URL".to_owned()),
    ] {
        let error = world.refused(&store, web.media(path)).await;
        assert_fault_of_reply(&error, &says);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    assert_eq!(inner.asked().len(), 0);
}

#[tokio::test]
async fn other_schemes_and_credentials_are_refused() {
    let world = World::new().await;
    let store = store(&local());
    for (url, says) in [
        ("file:///etc/passwd", "only http and https addresses are fetched"),
        ("ftp://127.0.0.1/a.png", "only http and https addresses are fetched"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "only http and https addresses are fetched"),
        ("http://me:s3cret@127.0.0.1/a.png", "an address may not have a user name or password"),
        ("a.png", "is not a URL: relative URL without a base"),
        ("http://", "is not a URL: empty host"),
    ] {
        let error = world.refused(&store, Media::Url(url.to_owned())).await;
        assert_fault_of_reply(&error, says);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_gains_nothing() {
    let world = World::new().await;
    let allowed = Web::on("127.0.0.2:0", |uri| async move {
        if uri == "/again" { redirect("/a.png") } else { PNG.into_response() }
    })
    .await;
    let port = allowed.address.port();
    let victim = Web::on(&format!("127.0.0.1:{port}"), |_| async { PNG.into_response() }).await;
    let settings = allowing(&["127.0.0.2/32"]);

    // One look-up for one request: between the check and the connection there is no second one to lie in.
    let names = Answers::new(&[("turns.test", &["127.0.0.2", "127.0.0.1"])]);
    let store = MediaStore::with_names(&settings, names.clone()).unwrap();
    world.picture(&store, Media::Url(format!("http://turns.test:{port}/a.png"))).await.unwrap();
    assert_eq!(*names.looked_up.lock().unwrap(), ["turns.test"]);

    // The next request looks it up again, and is judged by what it gets.
    let error = world.refused(&store, Media::Url(format!("http://turns.test:{port}/a.png"))).await;
    assert_fault_of_reply(&error, "turns.test leads to a forbidden address: 127.0.0.1 is a loopback address");

    // So does a redirect to the same host.
    let names = Answers::new(&[("turns.test", &["127.0.0.2", "127.0.0.1"])]);
    let store = MediaStore::with_names(&settings, names.clone()).unwrap();
    let error = world.refused(&store, Media::Url(format!("http://turns.test:{port}/again"))).await;
    assert_fault_of_reply(&error, "redirects to http://turns.test:");
    assert_fault_of_reply(&error, "turns.test leads to a forbidden address: 127.0.0.1 is a loopback address");
    assert_eq!(names.looked_up.lock().unwrap().len(), 2);
    assert_eq!((allowed.asked().len(), victim.asked().len()), (2, 0));
}

#[tokio::test]
async fn a_name_that_is_not_known_may_be_known_later() {
    let world = World::new().await;
    let store = MediaStore::with_names(&local(), Answers::new(&[])).unwrap();
    let error = world.refused(&store, Media::Url("http://nobody.test/a.png".to_owned())).await;
    assert_passing(&error, "no such host");
}

#[tokio::test]
async fn through_a_proxy_names_and_addresses_are_judged_before_it_is_asked() {
    let world = World::new().await;
    let proxy = Web::with_picture().await;
    let names =
        Answers::new(&[("pictures.test", &["198.41.0.4"]), ("inner.test", &["10.0.0.1", "10.0.0.1"])]);
    // The proxy itself is on loopback, which isn't allowed for media.
    let settings = MediaSettings { proxy: Some(proxy.url("").parse().unwrap()), ..MediaSettings::default() };
    let store = MediaStore::with_names(&settings, names).unwrap();

    for (url, says) in [
        ("http://inner.test/a.png", "inner.test leads to a forbidden address: 10.0.0.1 is a private address"),
        ("http://127.0.0.1/a.png", "127.0.0.1 is a loopback address"),
        (
            "https://inner.test/a.png",
            "inner.test leads to a forbidden address: 10.0.0.1 is a private address",
        ),
    ] {
        assert_fault_of_reply(&world.refused(&store, Media::Url(url.to_owned())).await, says);
    }
    assert_eq!(proxy.asked().len(), 0);

    for host in ["pictures.test", "known-to-the-proxy.test"] {
        world.picture(&store, Media::Url(format!("http://{host}/a.png"))).await.unwrap();
    }
    let uris: Vec<String> = proxy.asked().into_iter().map(|asked| asked.uri).collect();
    assert_eq!(uris, ["http://pictures.test/a.png", "http://known-to-the-proxy.test/a.png"]);
}
