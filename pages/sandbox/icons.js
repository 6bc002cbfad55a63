// Small pictures, drawn by lines in the colour of the text beside them.

import { svg } from "../shared/dom.js";

const LINES = {
  track: ["M3 6h6", "M8 12h9", "M15 18h6"],
  brand: ["M4 6h16v12H4z", "M4 7l8 6l8-6"],
  chats: ["M4 5h16v11H9l-5 4z"],
  add: ["M12 5v14", "M5 12h14"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  keyboard: ["M3 6h18v12H3z", "M7 10h.01", "M11 10h.01", "M15 10h.01", "M7 14h10"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  plus: ["M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18z", "M12 8v8", "M8 12h8"],
  image: ["M4 5h16v14H4z", "M4 16l5-5l4 4l3-3l4 4", "M15.5 9h.01"],
  voice: ["M12 4a3 3 0 0 0-3 3v4a3 3 0 0 0 6 0V7a3 3 0 0 0-3-3z", "M6 11a6 6 0 0 0 12 0", "M12 17v3"],
  video: ["M3 7h12v10H3z", "M15 11l6-3v8l-6-3z"],
  place: ["M12 21s7-6.5 7-11a7 7 0 0 0-14 0c0 4.500 7 11 7 11z", "M12 7.500a2.500 2.500 0 1 0 0 5a2.500 2.500 0 1 0 0-5z"],
  scan: ["M4 8V4h4", "M16 4h4v4", "M20 16v4h-4", "M8 20H4v-4", "M4 12h16"],
  link: ["M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1", "M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1"],
  follow: ["M10 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", "M3 20c0-4 3-6 7-6c2 0 3.500 .5 4.700 1.300", "M18 14v6", "M15 17h6"],
  unfollow: ["M10 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", "M3 20c0-4 3-6 7-6c2 0 3.500 .5 4.700 1.300", "M15 17h6"],
  play: ["M8 5l11 7l-11 7z"],
  sound: ["M5 9.500v5", "M9 7c2.700 2.700 2.700 7.300 0 10", "M13 4c4.400 4.400 4.400 11.600 0 16"],
  music: ["M9 18V6l10-2v12", "M6.500 15.500a2.500 2.500 0 1 0 0 5a2.500 2.500 0 1 0 0-5z", "M16.500 13.500a2.500 2.500 0 1 0 0 5a2.500 2.500 0 1 0 0-5z"],
  mini: ["M12 12a4 4 0 1 1 4-4c0 3-4 5-4 8a4 4 0 1 1-4-4"],
  person: ["M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", "M5 20c0-4 3-6 7-6s7 2 7 6"],
  up: ["M6 15l6-6l6 6"],
};

export function icon(name) {
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, (LINES[name] ?? []).map((line) => svg("path", { d: line })));
}
