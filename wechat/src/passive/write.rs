//! A reply as XML, in the order of WeChat's documentation.

use super::{Form, NewsItem, Reply, sent_text};
use crate::xml::cdata;

/// The whole reply.
pub(super) fn xml(reply: &Reply) -> String {
    let mut out = Out(String::new());
    out.group("xml", |out| {
        out.text("ToUserName", &reply.to);
        out.text("FromUserName", &reply.from);
        out.number("CreateTime", reply.created_at);
        form(out, &reply.form);
    });
    out.0
}

fn form(out: &mut Out, form: &Form) {
    out.text("MsgType", form.msgtype());
    match form {
        Form::Text { content } => out.text("Content", content),
        Form::Image { media_id } => out.group("Image", |out| out.text("MediaId", media_id)),
        Form::Voice { media_id } => out.group("Voice", |out| out.text("MediaId", media_id)),
        Form::Video { media_id, title, description } => {
            out.group("Video", |out| {
                out.text("MediaId", media_id);
                out.optional("Title", title);
                out.optional("Description", description);
            });
        }
        Form::Music { title, description, music_url, hq_music_url, thumb_media_id } => {
            out.group("Music", |out| {
                out.optional("Title", title);
                out.optional("Description", description);
                // WeChat's table says MusicURL, its examples and every known reader MusicUrl.
                out.optional("MusicUrl", music_url);
                out.optional("HQMusicUrl", hq_music_url);
                out.text("ThumbMediaId", thumb_media_id);
            });
        }
        Form::News { articles } => {
            out.number("ArticleCount", articles.len() as u64);
            out.group("Articles", |out| articles.iter().for_each(|article| item(out, article)));
        }
        Form::Transfer { kf_account } => {
            if let Some(kf_account) = kf_account {
                out.group("TransInfo", |out| out.text("KfAccount", kf_account));
            }
        }
    }
}

fn item(out: &mut Out, article: &NewsItem) {
    out.group("item", |out| {
        out.text("Title", &article.title);
        out.text("Description", &article.description);
        out.text("PicUrl", &article.pic_url);
        out.text("Url", &article.url);
    });
}

/// XML under construction.
pub(super) struct Out(pub(super) String);

impl Out {
    pub(super) fn group(&mut self, name: &str, inside: impl FnOnce(&mut Out)) {
        for part in ["<", name, ">"] {
            self.0.push_str(part);
        }
        inside(self);
        for part in ["</", name, ">"] {
            self.0.push_str(part);
        }
    }

    pub(super) fn text(&mut self, name: &str, content: &str) {
        self.group(name, |out| cdata(&sent_text(content), &mut out.0));
    }

    pub(super) fn number(&mut self, name: &str, number: u64) {
        self.group(name, |out| out.0.push_str(&number.to_string()));
    }

    fn optional(&mut self, name: &str, content: &Option<String>) {
        if let Some(content) = content {
            self.text(name, content);
        }
    }
}
