//! Everybody can use every view of the operations page, at every width, in light and dark, and by the keyboard alone.

use super::looks::check;
use super::operations::{Operated, SCRIPT, is_unharmed, visit};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_view_has_contrast_room_large_targets_and_the_keyboard() {
    let operated = Operated::start().await;
    for (user, text) in
        [("oFails", "fail"), ("oRefused", "refused"), ("oAnswered", "hello"), (SCRIPT, "fail")]
    {
        operated.stack.say(user, text).await;
    }
    operated.wait_for_dead(3).await;
    let letters = operated.get("dead?bodies=false").await;
    let letter = format!("#/message/{}", letters["letters"][0]["id"].as_str().expect("an id"));
    let views = [
        ("#/", "#tile-open"),
        ("#/journal", "#messages tbody tr"),
        ("#/journal?who=main/oNobody", "#findings li"),
        (letter.as_str(), "#the-letter"),
        ("#/dead", ".cause"),
        ("#/dead?list=all", "#dead td .box"),
        ("#/accounts", "#accounts article"),
        ("#/user/main/oFails", "#kept .card"),
        ("#/processes", "#processes article"),
        ("#/spool", "#spools *"),
        ("#/configuration", "#configuration pre"),
        ("#/changes", "#changes *"),
        ("#/nothing", "#view-nothing a"),
    ];
    for language in ["en", "zh-CN"] {
        let browser = operated.open(language, "#/").await;
        for (view, shown) in views {
            visit(&browser, view).await;
            browser.wait_for(shown, 1).await;
            // What is drawn anew in between would look as if it was never reached.
            browser.click("#pause[aria-pressed=false]").await;
            check(&browser, &format!("{language} {view}")).await;
            browser.click("#pause[aria-pressed=true]").await;
        }
        visit(&browser, "#/accounts").await;
        browser.click("#accounts [data-key^='pause-main']").await;
        browser.wait_for("dialog [name=reason]", 1).await;
        check(&browser, &format!("{language} a question")).await;
        is_unharmed(&browser).await;
        browser.close().await;
    }
    operated.end().await;
}
