// Messages that aren't text, as WeChat shows them: pictures, sound, cards and menus.

import { element } from "../shared/dom.js";
import { film, mapPicture, picture, pictureToOpen, voice } from "./media.js";
import { icon } from "./icons.js";
import { kindName, t } from "./texts.js";

/** What a message of the account shows. `tools`: `{ account, say(push), ready }`. */
export function answerCard(kind, content, tools) {
  const made = element("div", { class: `card-in ${KNOWN[kind] ? kind : ""}` });
  const fill = KNOWN[kind] ?? titled;
  fill(made, content, tools, kind);
  const id = content.article_id ?? content.card_id ?? (KNOWN[kind] ? null : content.media_id);
  if (id) made.append(element("small", {}, String(id)));
  return made;
}

/** What a user's push shows, that isn't a text. */
export function saidCard(entry, ready) {
  const { kind, content, account, media_id: media } = entry;
  const made = element("div", { class: `card-in said ${kind}` });
  switch (kind) {
    case "image":
      made.append(media ? pictureToOpen(account, media, ready) : picture(account, null));
      break;
    case "voice":
      made.append(voice(account, media));
      if (content && content !== media) made.append(element("span", { class: "heard" }, content));
      break;
    case "video":
    case "shortvideo":
      made.append(film(account, media, entry.thumb_media_id, ready));
      break;
    case "location": {
      const where = entry.latitude === undefined ? "" : `${entry.latitude}, ${entry.longitude}`;
      const isNamed = where !== content;
      made.append(element("div", { class: "words" }, element("strong", {}, isNamed ? content : t.kinds.location), where && element("small", { class: "number" }, where)), mapPicture());
      break;
    }
    case "link":
      made.append(element("strong", {}, content),
        element("div", { class: "beside" }, element("span", { class: "soft words" }, entry.description || entry.url || ""), element("span", { class: "square" }, icon("link"))));
      if (entry.url) made.append(address(entry.url));
      break;
  }
  return made;
}

const KNOWN = {
  image(made, content, { account, ready }) {
    made.append(pictureToOpen(account, content.media_id, ready));
  },
  voice(made, content, { account }) {
    made.append(voice(account, content.media_id));
  },
  video(made, content, { account, ready }) {
    made.append(film(account, content.media_id, content.thumb_media_id, ready));
    if (content.title) made.append(element("strong", {}, String(content.title)));
    if (content.description) made.append(element("span", {}, String(content.description)));
  },
  music(made, content, { account, ready }) {
    made.append(element("div", { class: "beside" },
      element("div", { class: "words" }, element("strong", {}, String(content.title || t.kinds.music)), content.description ? element("span", {}, String(content.description)) : null),
      content.thumb_media_id ? picture(account, content.thumb_media_id, ready) : element("span", { class: "square" }, icon("music"))));
    const url = content.hqmusicurl || content.musicurl;
    if (url) made.append(address(url));
  },
  news(made, content) {
    for (const article of content.articles ?? []) {
      made.append(element("div", { class: "picture" }));
      titled(made, article, null, "news");
    }
  },
  miniprogrampage(made, content, { account, ready }) {
    made.append(element("strong", {}, String(content.title ?? t.kinds.miniprogrampage)), picture(account, content.thumb_media_id, ready));
    made.append(element("small", {}, icon("mini"), `${t.kinds.miniprogrampage} · ${content.appid ?? ""} ${content.pagepath ?? ""}`));
  },
  transfer_customer_service(made, content) {
    made.append(element("span", { class: "line" }, icon("person"), t.kinds.transfer_customer_service), content.kf_account ? element("small", {}, String(content.kf_account)) : "");
  },
  msgmenu(made, content, { say }) {
    if (content.head_content) made.append(element("span", {}, String(content.head_content)));
    const list = element("div", { class: "items" });
    for (const item of content.list ?? []) {
      // A tap is a text of the user that carries the item's id.
      const tap = () => say({ kind: "text", content: String(item.content), menu_id: String(item.id) });
      list.append(element("button", { class: "item", type: "button", data: { menuId: item.id }, onclick: tap }, String(item.content ?? "")));
    }
    made.append(list);
    if (content.tail_content) made.append(element("span", {}, String(content.tail_content)));
  },
};

function titled(made, inside, _tools, kind) {
  made.append(element("strong", {}, String(inside.title ?? kindName(kind))));
  if (inside.description) made.append(element("span", {}, String(inside.description)));
  if (inside.url) made.append(address(String(inside.url)));
}

/** An address as a link, if it is one of the web. */
function address(url) {
  if (!/^https?:\/\//.test(url)) return element("small", {}, url);
  return element("small", {}, element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url));
}
