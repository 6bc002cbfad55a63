//! The pictures of the README, out of the running product: `tests/pictures` makes them anew.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::browser::{Browser, Driver};
use crate::harness::{Backend, PATIENCE, Process, Said, Setup, Stack};

const LANGUAGES: [(&str, &str); 2] = [("en", "en"), ("zh", "zh-CN")];
/// How often the moving picture is looked at, and how long it is.
const FRAME: Duration = Duration::from_millis(400);
const FRAMES: usize = 34;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes pictures: tests/pictures"]
async fn the_pictures_of_the_readme_are_taken_of_the_sandbox() {
    let driver = Driver::start();
    for (short, language) in LANGUAGES {
        chat(&driver, &folder(), short, language).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes pictures: tests/pictures"]
async fn the_pictures_of_the_readme_are_taken_of_operations() {
    operations(&Driver::start(), &folder()).await;
}

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("PICTURES").expect("PICTURES names a folder: tests/pictures"))
}

/// A slow look-up in the pretend WeChat: a frame now and then, and the whole at the end.
async fn chat(driver: &Driver, pictures: &std::path::Path, short: &str, language: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let dev = Process::spawn(&["dev"], folder.path(), folder.path().join("dev.log"), &[]);
    let url = dev.url_after("Open ").await;
    let browser = driver.open(language, &url).await;
    browser.size(1280, 800).await;
    browser.wait_for(".chip", 1).await;
    let began = Instant::now();
    for n in 0..FRAMES {
        match n {
            2 => browser.type_into("#text", "?18-546").await,
            4 => browser.click("#send").await,
            12 => browser.type_into("#text", if short == "zh" { "你好\n" } else { "hello\n" }).await,
            // The first message, whose answer came after WeChat's five seconds.
            30 => browser.click(".ack").await,
            _ => {}
        }
        save(&browser, pictures.join(format!("frames-{short}/{n:03}.png"))).await;
        tokio::time::sleep_until((began + FRAME * u32::try_from(n + 1).expect("few")).into()).await;
    }
    save(&browser, pictures.join(format!("sandbox-{short}.png"))).await;
    browser.close().await;
}

/// A queue with all that an operator meets, after some minutes of load.
async fn operations(driver: &Driver, pictures: &std::path::Path) {
    let service = Backend::saying(|asked| match asked.content.as_str() {
        "fail" => (Duration::from_millis(30), Said::Bare(400, "text/plain", "no such workstation")),
        "slow" => (Duration::from_secs(40), Said::Parts(vec!["答复".to_owned()])),
        _ => (Duration::from_millis(300), Said::Parts(vec!["答复".to_owned()])),
    })
    .await;
    let mut stack = Stack::on_redis(Setup { routes: service.route(), ..Setup::default() }).await;
    let (_receiver, worker) = (stack.role("receiver").await, stack.role("worker").await);
    let until = Instant::now() + Duration::from_secs(240);
    let mut n = 0_u64;
    while Instant::now() < until {
        let user = format!("oPicture{}", n % 200);
        let text = if n % 97 == 13 { "fail" } else { "?18-546" };
        stack.say(&user, text).await;
        n += 1;
        // The load swings, so that there is something to see.
        tokio::time::sleep(Duration::from_millis(20 + (n % 400) / 10)).await;
    }
    for user in ["oWaits1", "oWaits2", "oWaits3"] {
        stack.say(user, "slow").await;
    }
    let page = worker.url_after("health and metrics are served url=").await;
    for (short, language) in LANGUAGES {
        let browser = driver.open(language, &page).await;
        browser.size(1280, 900).await;
        browser.wait_longer_for("svg path", 4, PATIENCE).await;
        save(&browser, pictures.join(format!("operations-{short}.png"))).await;
        browser.close().await;
    }
}

async fn save(browser: &Browser, file: PathBuf) {
    std::fs::create_dir_all(file.parent().expect("it is in a folder")).expect("the folder can be made");
    std::fs::write(file, browser.screenshot().await).expect("the picture can be written");
}
