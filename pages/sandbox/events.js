// What a user does besides writing: taps, scans, following. WeChat shows no bubble for it; the chat has a grey line.

import { accounts } from "./chats.js";
import { kindName, t } from "./texts.js";

const BUBBLES = ["text", "image", "voice", "video", "shortvideo", "location", "link"];

export const isEvent = (kind) => !BUBBLES.includes(kind);

/** A user's message or event in one line. */
export function saidLine({ account, kind, content }) {
  if (kind === "text") return content;
  if (!isEvent(kind)) return kind === "location" || kind === "link" ? `[${kindName(kind)}] ${content}` : `[${kindName(kind)}]`;
  const line = t.events[kind];
  return line ? line(menuName(accounts.get(account)?.menu ?? [], content) ?? content) : t.events.other(kind, content.slice(0, 80));
}

/** What the button says that has this key or address. */
function menuName(buttons, pressed) {
  for (const button of buttons) {
    if (button.key === pressed || button.url === pressed) return button.name;
    const inside = menuName(button.sub_button ?? [], pressed);
    if (inside) return inside;
  }
  return null;
}
