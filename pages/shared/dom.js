// Elements out of data. Whatever came from outside goes in as text, never as markup.

export const $ = (id) => document.getElementById(id);

/**
 * Makes an element: `element("button", { class: "button", type: "button", onclick: act, data: { id } }, "Retry")`.
 * An attribute that is null, undefined or false is left out. Children are elements or texts; null ones are left out.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** The same for a picture's parts. */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(made, attributes);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function setAttributes(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
}

/** A button that does something; while it does, it can't be pressed again. It keeps the focus, so it is not `disabled`. */
export function button(label, act, attributes = {}) {
  const made = element("button", { class: "button", type: "button", ...attributes }, label);
  made.addEventListener("click", async () => {
    if (made.ariaDisabled) return;
    made.ariaDisabled = "true";
    try {
      await act(made);
    } finally {
      made.ariaDisabled = null;
    }
  });
  return made;
}
