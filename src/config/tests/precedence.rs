//! Who wins: flag, then environment, then file, then the default.

use std::time::Duration;

use super::*;

#[test]
fn without_values_the_defaults_hold() {
    let config = load(&source(MINIMAL));
    assert_eq!(config.queue.url, QueueUrl::Sqlite("huixin.db".into()));
    assert_eq!(config.queue.dedup_window, Duration::from_secs(6 * 60 * 60));
    assert_eq!(config.receiver.max_body.bytes(), 256 * 1024);
    assert_eq!(config.receiver.ack_budget, Duration::from_millis(250));
    assert_eq!((config.worker.concurrency, config.worker.lease), (256, Duration::from_secs(15)));
    assert_eq!(config.accounts["main"].api_base.as_str(), "https://api.weixin.qq.com/");
}

#[test]
fn a_variable_is_stronger_than_the_file_whatever_its_type() {
    let text = format!("[queue]\nprefix = 'a'\naccept_risk = []\n[worker]\nconcurrency = 1\n{MINIMAL}");
    let variables = [
        ("HUIXIN_QUEUE__URL", "redis://127.0.0.1:6379/0"),
        ("HUIXIN_QUEUE__PREFIX", "123"),
        ("HUIXIN_QUEUE__ACCEPT_RISK", r#"["no_aof"]"#),
        ("HUIXIN_WORKER__CONCURRENCY", "64"),
        ("HUIXIN_WORKER__LEASE", "3s"),
        ("HUIXIN_ACCOUNT__MAIN__TOKEN", "true"),
        ("HUIXIN_ACCOUNT__MAIN__APP_SECRET", "["),
    ];
    let config = load(&with_variables(&text, &variables));
    assert_eq!(config.queue.url.to_string(), "redis://127.0.0.1:6379/0");
    assert_eq!(config.queue.prefix, "123");
    assert_eq!(config.queue.accept_risk, [huixin_queue::redis::Risk::NoAof]);
    assert_eq!((config.worker.concurrency, config.worker.lease), (64, Duration::from_secs(3)));
    assert_eq!(config.accounts["main"].token.expose(), "true");
    assert_eq!(config.accounts["main"].app_secret.as_ref().unwrap().expose(), "[");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let config = load(&with_variables(MINIMAL, &[("HUIXIN_ACCOUNT__MAIN__TOKEN", "")]));
    assert_eq!(config.accounts["main"].token.expose(), "t0ken");
}

#[test]
fn a_flag_is_stronger_than_a_variable() {
    let overrides = Overrides {
        queue_url: Some("redis://flag".to_owned()),
        receiver_listen: Some("0.0.0.0:1".parse().unwrap()),
        admin_listen: Some("0.0.0.0:2".parse().unwrap()),
        worker_concurrency: Some(3),
    };
    let variables = [("HUIXIN_QUEUE__URL", "redis://variable"), ("HUIXIN_WORKER__CONCURRENCY", "nonsense")];
    let config = load(&ConfigSource { overrides, ..with_variables(MINIMAL, &variables) });
    assert_eq!(config.queue.url.to_string(), "redis://flag");
    assert_eq!(config.receiver.listen.to_string(), "0.0.0.0:1");
    assert_eq!(config.admin.listen.to_string(), "0.0.0.0:2");
    assert_eq!(config.worker.concurrency, 3);
}

#[test]
fn a_worker_has_another_admin_port_than_the_roles_that_a_machine_has_once() {
    let port = |role| load_as(&source(MINIMAL), role).unwrap().admin.listen.to_string();
    for role in [Role::Dev, Role::Run, Role::Receiver] {
        assert_eq!(port(role), "127.0.0.1:9600", "{role:?}");
    }
    assert_eq!(port(Role::Worker), "127.0.0.1:9601");
}

#[test]
fn a_wrong_flag_is_named_as_the_place() {
    let overrides = Overrides { worker_concurrency: Some(0), ..Overrides::default() };
    let shown = problems(&ConfigSource { overrides, ..source(MINIMAL) }, Role::Run);
    assert_eq!(shown, "`--concurrency` must be from 1 to 100000, but is 0\n");
}

#[test]
fn an_account_can_be_given_by_variables_alone() {
    let variables = [
        ("HUIXIN_ACCOUNT__MAIN__APP_ID", "wx1"),
        ("HUIXIN_ACCOUNT__MAIN__APP_SECRET", "s"),
        ("HUIXIN_ACCOUNT__MAIN__TOKEN", "t"),
    ];
    let config = load(&with_variables("", &variables));
    assert_eq!(config.accounts["main"].app_id, "wx1");
}

#[test]
fn a_variable_reaches_an_account_whose_name_has_a_hyphen() {
    let text = "[account.my-shop]\napp_id = 'wx1'\ntoken = 't'";
    let config = load(&with_variables(text, &[("HUIXIN_ACCOUNT__MY_SHOP__APP_SECRET", "s")]));
    assert_eq!(config.accounts["my-shop"].app_secret.as_ref().unwrap().expose(), "s");
}

#[test]
fn paths_start_at_the_folder_of_the_file() {
    let text = format!("[queue]\nurl = 'sqlite:data/queue.db'\n{MINIMAL}");
    let config = load(&ConfigSource::from_text("/etc/huixin/huixin.toml", text));
    assert_eq!(config.queue.url, QueueUrl::Sqlite("/etc/huixin/data/queue.db".into()));
}

#[test]
fn routes_keep_their_order_and_get_names_by_position() {
    let text = "[[route]]\nmatch = { type = 'text', text = '^a' }\nhttp = { url = 'http://h/' }\nattempts = 2\n\
                [[route]]\nname = 'b'\nreply = ['x', { type = 'image', media_id = 'm' }]\n[[route]]\nreply = 'y'\n";
    let config = load(&source(&format!("{text}{MINIMAL}")));
    let names: Vec<&str> = config.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["route 1", "b", "route 3"]);
    let RouteConfig { condition, handler: HandlerConfig::Http(HttpConfig { url, timeout, secret }), .. } =
        &config.routes[0]
    else {
        panic!("the first route calls a service")
    };
    assert_eq!(condition.kind.as_deref(), Some("text"));
    assert!(condition.text.as_ref().unwrap().is_match("abc"));
    assert_eq!((url.0.as_str(), timeout.as_secs(), secret.is_none()), ("http://h/", 120, true));
    assert_eq!((config.routes[0].attempts, config.routes[1].attempts), (2, 8));
    let HandlerConfig::Reply(reply) = &config.routes[1].handler else { panic!("the second route replies") };
    assert_eq!(reply.to_string(), r#"["x",{"media_id":"m","type":"image"}]"#);
}

#[test]
fn files_in_a_reply_start_at_the_folder_of_the_file_too() {
    let reply = "[{ type = 'image', file = 'a.png' }, { type = 'voice', file = '/b.mp3', ai_label = true }, \
                 { type = 'video', file = 'c.mp4', thumb_file = 'c.jpg' }, { type = 'image', url = 'http://x/file' }]";
    let text = format!("[[route]]\nreply = {reply}\n{MINIMAL}");
    let config = load(&ConfigSource::from_text("/etc/huixin/huixin.toml", text));
    let HandlerConfig::Reply(reply) = &config.routes[0].handler else { panic!("the route replies") };
    assert_eq!(
        reply.to_string(),
        r#"[{"file":"/etc/huixin/a.png","type":"image"},{"ai_label":true,"file":"/b.mp3","type":"voice"},{"file":"/etc/huixin/c.mp4","thumb_file":"/etc/huixin/c.jpg","type":"video"},{"type":"image","url":"http://x/file"}]"#
    );
}

#[test]
fn a_route_may_hand_over_if_it_says_so_or_if_its_reply_does() {
    let transfer = "{ type = 'transfer_customer_service', kf_account = 'a@b' }";
    let sql = format!(
        "sql = {{ database = 'main', query = 'SELECT 1 AS a', one = '{{{{ a }}}}', none = {transfer} }}"
    );
    for (route, expected) in [
        ("reply = 'x'", false),
        ("reply = 'x'\nmay_transfer = true", true),
        (&format!("reply = ['x', {transfer}]"), true),
        // A reply that hands over does so, whatever the key says.
        (&format!("reply = {transfer}\nmay_transfer = false"), true),
        (&sql, true),
    ] {
        let text = format!("[[route]]\n{route}\n{MINIMAL}[database.main]\nurl = 'sqlite:/tmp/a.db'\n");
        assert_eq!(load(&source(&text)).routes[0].may_transfer, expected, "{route}");
    }
}
