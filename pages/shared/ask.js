// Questions in a dialog of the browser's own: it keeps the focus inside, and Escape means no.

import { element } from "./dom.js";

/**
 * Asks, and resolves to null for no, or to the values of the fields by name.
 * `fields`: `[{ name, label, value?, required?, long? }]`. `presets`: `[{ label, values }]`, each a chip that fills the fields.
 * `danger` marks what can't be undone.
 */
export function ask({ title, text, fields = [], presets = [], yes, no, danger = false }) {
  const inputs = fields.map((field) => {
    const kind = field.long ? "textarea" : "input";
    return element(kind, { class: "input", name: field.name, required: field.required, maxlength: field.max ?? 2000, value: field.value });
  });
  const confirm = element("button", { class: `button ${danger ? "danger" : "primary"}`, type: "submit", value: "yes" }, yes);
  const cancel = element("button", { class: "button", type: "button" }, no);
  const heading = element("h2", { id: "ask-title" }, title);
  const fill = (values) => inputs.forEach((input) => { input.value = values[input.name] ?? input.value; });
  const chips = presets.map((preset) => element("button", { class: "chip", type: "button", onclick: () => fill(preset.values) }, preset.label));
  const form = element("form", { method: "dialog" },
    heading,
    text ? element("p", {}, text) : null,
    chips.length ? element("div", { class: "row start" }, chips) : null,
    fields.map((field, n) => element("label", { class: "field" }, element("span", {}, field.label), inputs[n])),
    element("div", { class: "row" }, cancel, confirm));
  const dialog = element("dialog", { "aria-labelledby": "ask-title" }, form);
  const before = document.activeElement;
  cancel.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  (inputs[0] ?? cancel).focus();
  inputs[0]?.setSelectionRange(inputs[0].value.length, inputs[0].value.length); // browsers differ in where they put the caret
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      answer(dialog.returnValue === "yes" ? Object.fromEntries(inputs.map((input) => [input.name, input.value])) : null);
    });
  });
}
