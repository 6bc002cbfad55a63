// What a user can send besides texts: files, a place, a scan, a link, following and leaving.

import { ask } from "../shared/ask.js";
import { element } from "../shared/dom.js";
import { fail } from "../shared/toast.js";
import { facts, here } from "./chats.js";
import { icon } from "./icons.js";
import { t } from "./texts.js";

const ACCEPTED = { image: "image/*", voice: "audio/*,.amr,.mp3", video: "video/*" };
const MOST_PRESETS = 8;

const PLACES = [
  { name: "guangzhou", latitude: 23.106574, longitude: 113.324587 },
  { name: "beijing", latitude: 39.908823, longitude: 116.39747 },
  { name: "shanghai", latitude: 31.240018, longitude: 121.490317 },
];

/** The panel, closed. */
export function plusPanel({ say, upload }) {
  const tile = (name, act) => element("button", { class: "tile", type: "button", data: { tile: name }, onclick: act }, element("span", { class: "square" }, icon(name)), t.plus[name]);
  const files = Object.keys(ACCEPTED).map((kind) => {
    const file = element("input", { type: "file", class: "unseen", tabindex: "-1", accept: ACCEPTED[kind], id: `file-${kind}`, "aria-label": t.plus[kind] });
    file.addEventListener("change", () => {
      if (file.files[0]) upload(kind, file.files[0]);
      file.value = "";
    });
    return element("span", { class: "tile-place" }, tile(kind, () => file.click()), file);
  });
  const acts = {
    place: () => sendPlace(say),
    scan: () => scan(say),
    link: () => sendLink(say),
    follow: () => say({ kind: "subscribe" }),
    unfollow: () => say({ kind: "unsubscribe" }),
  };
  const tiles = Object.entries(acts).map(([name, act]) => element("span", { class: "tile-place" }, tile(name, act)));
  return element("div", { id: "plus-panel", class: "plus-panel", role: "group", "aria-label": t.more, hidden: true }, files, tiles);
}

const question = (name, rest) => ask({ title: t.plus[name], yes: t.send, no: t.cancel, ...rest });

async function sendPlace(say) {
  const presets = PLACES.map(({ name, latitude, longitude }) => ({ label: t.places[name], values: { label: t.places[name], latitude, longitude } }));
  const [first] = presets;
  const fields = ["label", "latitude", "longitude"].map((name) => ({ name, label: t.plus[name], value: first.values[name], required: name !== "label" }));
  const given = await question("place", { presets, fields });
  if (!given) return;
  const [latitude, longitude] = [Number(given.latitude), Number(given.longitude)];
  if (!Number.isFinite(latitude) || !Number.isFinite(longitude)) {
    fail(t.plus.badNumber);
    return;
  }
  say({ kind: "location", latitude, longitude, scale: 16, label: given.label });
}

async function scan(say) {
  const known = facts.examples.filter(({ account, push }) => push.kind === "scan" && (!account || account === here.chat.account));
  const presets = known.slice(0, MOST_PRESETS).map(({ label, push }) => ({ label, values: { scene: push.scene } }));
  const given = await question("scan", { presets, fields: [{ name: "scene", label: t.plus.scene, value: known[0]?.push.scene ?? "123", required: true, max: 64 }] });
  if (given) say({ kind: "scan", scene: given.scene });
}

async function sendLink(say) {
  const fields = [
    { name: "title", label: t.plus.linkTitle, value: t.linkSample, required: true, max: 200 },
    { name: "description", label: t.plus.description },
    { name: "url", label: t.plus.url, value: `https://developers.weixin.qq.com/doc/offiaccount/`, required: true },
  ];
  const given = await question("link", { fields });
  if (given) say({ kind: "link", ...given });
}
