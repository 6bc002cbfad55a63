//! Which customer-service messages can go out in a push's response, and as what.
//!
//! Nothing is uploaded here: media must be with WeChat already. Two things have no place in a response. The agent that speaks
//! (`kf_account`) is left out, as it is when WeChat refuses it in a send. The line by which WeChat says that a machine made a
//! message is written below a text by ourselves; what is no text goes out without it.

use strum::VariantNames;

use super::{Form, NewsItem, PassiveReplyError};
use crate::api::{Article, Content, Media, MediaKind, Outgoing};

/// The words of WeChat's own line.
const AI_LABEL: &str = "内容由第三方AI生成";

/// Why a message can't go out in a push's response, and what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoForm {
    /// There is no such form.
    #[error(
        "a reply of type {kind} can't go out in the response to a push; these can: {}",
        Form::VARIANTS.join(", ")
    )]
    Kind {
        /// Its type.
        kind: &'static str,
    },
    /// Its media is not with WeChat.
    #[error(
        "its {} is not with WeChat; in the response to a push it must be given as `{}`",
        .kind.as_str(), if *.kind == MediaKind::Thumb { "thumb_media_id" } else { "media_id" }
    )]
    NotUploaded {
        /// What must be uploaded.
        kind: MediaKind,
    },
    /// WeChat wouldn't take it.
    #[error("it can't go out in the response to a push: {0}")]
    Refused(#[from] PassiveReplyError),
}

impl Form {
    /// The most bytes that [`Form::from_outgoing`] may write below a text.
    pub const MOST_LABEL_BYTES: usize = AI_LABEL.len() + 1;

    /// A customer-service message as the answer to an event or to a message.
    ///
    /// # Errors
    /// [`NoForm`], for people: what can go out instead.
    pub fn from_outgoing(message: &Outgoing, to_event: bool) -> Result<Form, NoForm> {
        let form = form(message)?;
        form.check(to_event)?;
        Ok(form)
    }
}

fn form(message: &Outgoing) -> Result<Form, NoForm> {
    Ok(match &message.content {
        Content::Text { content } if message.ai_label => {
            Form::Text { content: format!("{content}\n{AI_LABEL}") }
        }
        Content::Text { content } => Form::Text { content: content.clone() },
        Content::Image { media } => Form::Image { media_id: id(media, MediaKind::Image)? },
        Content::Voice { media } => Form::Voice { media_id: id(media, MediaKind::Voice)? },
        // A response has no picture for it, so the thumb needn't be uploaded.
        Content::Video { media, thumb: _, title, description } => Form::Video {
            media_id: id(media, MediaKind::Video)?,
            title: filled(title),
            description: filled(description),
        },
        Content::Music { title, description, musicurl, hqmusicurl, thumb } => Form::Music {
            title: filled(title),
            description: filled(description),
            music_url: filled(musicurl),
            hq_music_url: filled(hqmusicurl),
            thumb_media_id: id(thumb, MediaKind::Thumb)?,
        },
        Content::News { articles } => Form::News { articles: articles.iter().map(item).collect() },
        Content::Transfer => Form::Transfer { kf_account: message.kf_account.clone() },
        Content::Mpnews { .. }
        | Content::MpnewsArticle { .. }
        | Content::MsgMenu { .. }
        | Content::WxCard { .. }
        | Content::MiniProgramPage { .. }
        | Content::Link { .. } => return Err(NoForm::Kind { kind: message.content.msgtype() }),
    })
}

fn id(media: &Media, kind: MediaKind) -> Result<String, NoForm> {
    match media {
        Media::Id(id) => Ok(id.clone()),
        Media::Url(_) | Media::File(_) | Media::Base64(_) => Err(NoForm::NotUploaded { kind }),
    }
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn item(article: &Article) -> NewsItem {
    let Article { title, description, url, picurl } = article.clone();
    NewsItem { title, description, pic_url: picurl, url }
}
