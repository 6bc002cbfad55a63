// The configuration that this process runs with, its secrets masked by the API.

import { element } from "../shared/dom.js";
import { get } from "./api.js";
import { copyButton } from "./copying.js";
import { heading, renew } from "./draw.js";
import { restTexts as t } from "./texts-places.js";
import { t as common } from "./texts.js";

export function configuration(place) {
  const all = element("div", { class: "stack", id: "configuration" });
  place.append(heading(common.configuration), element("p", { class: "soft" }, t.configLead), all);
  let isShown = false;

  async function work({ signal, isAsked }) {
    if (isShown && !isAsked) return; // it is read at the start of the process
    const config = await get("config", {}, signal);
    isShown = true;
    renew(all, config, () => [
      element("div", { class: "row" }, element("span", { class: "soft mono" }, config.file ? t.file(config.file) : t.noFile), copyButton(config.toml)),
      element("pre", { class: "code toml", tabindex: "0", "aria-label": common.configuration }, config.toml.split("\n").map(line)),
    ]);
  }
  return { title: common.configuration, work };
}

/** Headings of sections and comments are seen at once. */
function line(text) {
  const kind = /^\s*\[/.test(text) ? "toml-head" : /^\s*#/.test(text) ? "soft" : "";
  return element("span", { class: kind }, `${text}\n`);
}
