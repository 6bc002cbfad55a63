// Pictures, recordings and films, out of the sandbox's own store alone: the page loads nothing from elsewhere.

import { element, svg } from "../shared/dom.js";
import { toast } from "../shared/toast.js";
import { mediaUrl } from "./api.js";
import { icon } from "./icons.js";
import { t } from "./texts.js";

const MOST_SECONDS = 60; // the longest recording that WeChat takes

/** A picture as it was uploaded, or a drawn one in its place when it can't be shown. `ready` is called when it has its size. */
export function picture(account, id, ready = () => {}) {
  if (!id) return sample();
  const image = element("img", { class: "uploaded", alt: t.picture, src: mediaUrl(account, id) });
  image.addEventListener("load", () => ready(image));
  image.addEventListener("error", () => {
    const place = image.closest("a.original") ?? image;
    place.replaceWith(sample());
    ready();
  }, { once: true });
  return image;
}

/** The same as a link to the whole of it. */
export function pictureToOpen(account, id, ready) {
  const shown = picture(account, id, ready);
  if (shown.tagName !== "IMG") return shown;
  return element("a", { class: "original", href: mediaUrl(account, id), target: "_blank", rel: "noopener noreferrer", title: t.open }, shown);
}

const sample = () => element("div", { class: "picture", role: "img", "aria-label": t.samplePicture });

/** A map, drawn: streets, a park, a river, and a pin in the middle. */
export function mapPicture() {
  const line = (part, d) => svg("path", { class: part, d });
  return svg("svg", { class: "map", viewBox: "0 0 240 104", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" },
    line("land", "M0 0h240v104H0z"), line("park", "M150 0h52l-8 40l-50-6z M0 74l46 6l-6 24H0z"), line("water", "M-4 34C40 22 66 62 112 60S190 84 244 66v18C196 100 160 78 112 78S44 40-4 54z"),
    line("street", "M60-4l-14 112 M134-4l-22 112 M206-4l-14 112 M-4 18l248 14 M-4 96l120-12l128 14"), line("lane", "M96-4l-14 60 M170 30l-12 78 M-4 66l60 4 M112 46l132 6"),
    line("pin", "M120 66s15-14 15-26a15 15 0 0 0-30 0c0 12 15 26 15 26z"), svg("circle", { class: "pin-eye", cx: "120", cy: "40", r: "5.500" }));
}

/** A recording: its length when the browser can tell, and its sound when it knows the format. */
export function voice(account, id) {
  const length = element("span", { class: "number" });
  const play = element("button", { class: "voice", type: "button", "aria-label": `${t.play}: ${t.kinds.voice}` }, icon("sound"), element("span", {}, t.kinds.voice), length);
  if (!id) return play;
  const sound = new Audio();
  sound.preload = "metadata";
  sound.src = mediaUrl(account, id);
  const lasts = (duration) => {
    if (!Number.isFinite(duration)) return;
    const seconds = Math.max(1, Math.round(duration));
    length.textContent = `${seconds}″`;
    play.setAttribute("aria-label", `${t.play}: ${t.kinds.voice}, ${t.seconds(seconds)}`);
    play.style.width = `${7 + 8 * Math.min(1, seconds / MOST_SECONDS)}rem`;
  };
  sound.addEventListener("loadedmetadata", () => lasts(sound.duration));
  const isPlaying = () => play.classList.toggle("playing", !sound.paused && !sound.ended);
  for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, isPlaying);
  sound.addEventListener("error", async () => {
    play.title = t.noSound;
    lasts((await amrSeconds(account, id).catch(() => null)) ?? NaN);
  }, { once: true });
  play.addEventListener("click", () => {
    if (sound.error) toast(t.noSound);
    else if (sound.paused) sound.play().catch(() => toast(t.noSound));
    else sound.pause();
  });
  return play;
}

/** A film: its small picture until it is pressed. Without such a picture the film's own first one. */
export function film(account, id, thumb, ready) {
  const whole = element("div", { class: "film" });
  const open = (autoplay) => element("video", { src: mediaUrl(account, id), controls: autoplay, autoplay, preload: "metadata", playsinline: true, onloadedmetadata: () => ready?.() });
  const press = element("button", { class: "film-play", type: "button", "aria-label": `${t.play}: ${t.kinds.video}` }, thumb ? picture(account, thumb, ready) : id ? open(false) : sample(), element("span", { class: "disc" }, icon("play")));
  press.addEventListener("click", () => {
    if (!id) return;
    const video = open(true);
    video.addEventListener("error", () => whole.replaceChildren(press), { once: true });
    whole.replaceChildren(video);
    video.focus();
  });
  whole.append(press);
  return whole;
}

/** How long an AMR recording is, WeChat's own format, which no browser plays: each of its frames is 20 ms. Null for others. */
async function amrSeconds(account, id) {
  const FRAME_BYTES = [13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1];
  const response = await fetch(mediaUrl(account, id));
  if (!response.ok) return null;
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (!new TextDecoder().decode(bytes.subarray(0, 6)).startsWith("#!AMR\n")) return null;
  let frames = 0;
  for (let at = 6; at < bytes.length; at += FRAME_BYTES[(bytes[at] >> 3) & 15]) frames += 1;
  return frames * 0.02;
}
