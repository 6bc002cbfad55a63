//! What a person sees who opens the address meant for WeChat.

/// The page loads nothing and runs nothing.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page, in Chinese or English.
pub(super) fn html(chinese: bool) -> String {
    let (lang, title, text, hint) = if chinese { CHINESE } else { ENGLISH };
    format!(
        "<!doctype html><html lang=\"{lang}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>body{{font:16px/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}}\
         code{{font-size:.95em}}</style><h1>{title}</h1><p>{text}</p><p>{hint}</p></html>"
    )
}

const ENGLISH: (&str, &str, &str, &str) = (
    "en",
    "Huixin is listening",
    "This address is for WeChat's servers, not for browsers. If you can read this, it can be reached.",
    "Enter exactly this URL in WeChat's console (微信开发者平台) under 基础信息 › 域名与消息推送配置, with the token of your configuration. The console then checks it.",
);
const CHINESE: (&str, &str, &str, &str) = (
    "zh-CN",
    "回信正在监听",
    "这个地址是给微信服务器用的，不是给浏览器用的。您能看到这一页，说明地址可以访问。",
    "请在微信开发者平台的“基础信息 › 域名与消息推送配置”中填写这个 URL，以及配置中的 token，保存时微信会来验证。",
);
