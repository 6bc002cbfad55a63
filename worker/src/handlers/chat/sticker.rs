//! Texts that stand for a picture which WeChat didn't send: a sticker, or a face alone. They ask nothing.

/// What WeChat sends in place of a message that it doesn't pass on, in the languages of its apps.
const UNSUPPORTED: [&str; 9] = [
    "【收到不支持的消息类型，暂无法显示】",
    "【收到不支援的訊息類型，暫無法顯示】",
    "【收到不支援的訊息類型，無法顯示】",
    "[收到不支持的消息类型，暂无法显示]",
    "[Unsupported Message]",
    "[动画表情]",
    "[動畫表情]",
    "[表情]",
    "[Sticker]",
];
/// Faces in WeChat's keyboard, which arrive as `[name]`. Those that say yes or no, as `[OK]`, are answers and not here.
const FACES: &str = " 微笑 撇嘴 色 发呆 得意 流泪 害羞 闭嘴 睡 大哭 尴尬 发怒 调皮 呲牙 惊讶 难过 酷 冷汗 抓狂 吐 偷笑 愉快 可爱 白眼 傲慢 饥饿 困 \
    惊恐 流汗 憨笑 悠闲 奋斗 咒骂 疑问 嘘 晕 疯了 衰 骷髅 敲打 再见 擦汗 抠鼻 鼓掌 糗大了 坏笑 左哼哼 右哼哼 哈欠 鄙视 委屈 快哭了 阴险 亲亲 吓 \
    可怜 玫瑰 凋谢 嘴唇 爱心 心碎 太阳 月亮 礼物 拥抱 强 弱 握手 胜利 抱拳 勾引 拳头 差劲 爱你 爱情 飞吻 跳跳 发抖 怄火 转圈 磕头 回头 跳绳 投降 激动 乱舞 \
    献吻 嘿哈 捂脸 奸笑 机智 皱眉 耶 吃瓜 加油 汗 天啊 Emm 社会社会 旺柴 打脸 哇 翻白眼 叹气 苦涩 裂开 合十 恐惧 脸红 无语 失望 生病 笑脸 破涕为笑 囧 \
    Smile Grimace Drool Scowl Sob Shy Silent Sleep Cry Awkward Angry Grin Surprise Frown Facepalm Smirk Smart Yeah! Hey Concerned ";

/// Whether a text is one of these, or several.
pub(super) fn is_one(text: &str) -> bool {
    let mut rest = text.trim();
    while let Some(after) =
        UNSUPPORTED.iter().find_map(|sticker| rest.strip_prefix(sticker)).or_else(|| face(rest))
    {
        rest = after.trim_start();
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// What comes behind the face that a text begins with.
fn face(text: &str) -> Option<&str> {
    let (name, rest) = text.strip_prefix('[')?.split_once(']')?;
    (!name.contains(' ') && FACES.contains(&format!(" {name} "))).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sticker_or_a_face_alone_asks_nothing() {
        for text in [
            "【收到不支持的消息类型，暂无法显示】",
            "[Unsupported Message]",
            " [捂脸]",
            "[捂脸][捂脸] [微笑]\n",
        ] {
            assert!(is_one(text), "{text}");
        }
        for text in ["", "[捂脸]什么意思", "[天气]", "[OK]", "[]", "[ ]", "[微笑 撇嘴]", "1", "[捂脸"]
        {
            assert!(!is_one(text), "{text}");
        }
    }
}
