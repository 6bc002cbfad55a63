// Measures the page as it is rendered. Runs in it as the body of a function; gives what is wrong, as lines.

const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();
// Any form of a colour (rgb, oklab, color-mix …) as red, green, blue from 0 to 255, and alpha from 0 to 1.
const rgba = (color) => {
  if (!known.has(color)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    known.set(color, [red, green, blue, alpha / 255]);
  }
  return known.get(color);
};
const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
const luminance = (color) => {
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(color[0]) + 0.7152 * linear(color[1]) + 0.0722 * linear(color[2]);
};
const contrast = (one, other) => {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};
const base = rgba(getComputedStyle(document.documentElement).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#ffffff");
// What is behind an element's content: the grounds of all that it lies in. Null where a picture is behind it.
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== "none") return null;
    layers.push(rgba(style.backgroundColor));
    if (rgba(style.backgroundColor)[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), base);
};
const opacity = (element) => {
  let all = 1;
  for (let at = element; at; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
  return all;
};
const isSeen = (element) => {
  const box = element.getBoundingClientRect();
  return element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && box.width > 1 && box.height > 1 && !element.closest(".unseen, [inert], .skip:not(:focus)");
};
const top = document.querySelector("dialog:modal") ?? document.body;
const name = (element) => {
  const label = element.getAttribute("aria-label") ?? element.textContent ?? "";
  return `<${element.tagName.toLowerCase()} id=${element.id} class=${element.getAttribute("class") ?? ""}> ${label.trim().slice(0, 40)}`;
};
const controls = () => [...top.querySelectorAll("a[href], button, input, select, textarea, summary, [role=button], [role=tab], [role=option], [role=menuitem], [tabindex='0']")].filter((one) => isSeen(one) && !one.disabled);
const wrong = [];

const checks = {
  contrast() {
    const texts = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
    const judged = new Set();
    const judge = (element, color, what) => {
      const behind = ground(element);
      if (!behind) return;
      const style = getComputedStyle(element);
      const [red, green, blue, alpha] = rgba(color);
      const seen = over([red, green, blue, alpha * opacity(element)], behind);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const ratio = contrast(seen, behind);
      if (ratio < (isLarge ? 3 : 4.5)) wrong.push(`${what} ${ratio.toFixed(2)}: ${name(element)}`);
    };
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!texts.currentNode.data.trim() || judged.has(element) || !isSeen(element)) continue;
      judged.add(element);
      if (element.closest(":disabled, [aria-disabled=true], option, script, style")) continue;
      judge(element, getComputedStyle(element).color, "text");
    }
    for (const field of top.querySelectorAll("input, textarea, select")) {
      if (!isSeen(field) || field.disabled || ["checkbox", "radio", "range", "file"].includes(field.type)) continue;
      if (field.placeholder) judge(field, getComputedStyle(field, "::placeholder").color, "placeholder");
    }
    for (const control of top.querySelectorAll("input, textarea, select, .button:not(.quiet)")) {
      const style = getComputedStyle(control);
      const outside = control.parentElement && ground(control.parentElement);
      if (!isSeen(control) || control.disabled || !outside || ["checkbox", "radio", "range", "file"].includes(control.type)) continue;
      const inside = ground(control) ?? outside;
      const edge = parseFloat(style.borderTopWidth) > 0 ? over(rgba(style.borderTopColor), inside) : inside;
      const ratio = Math.max(contrast(edge, outside), contrast(inside, outside));
      if (ratio < 3) wrong.push(`edge ${ratio.toFixed(2)}: ${name(control)}`);
    }
  },
  fit() {
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) {
      const wide = [...document.body.querySelectorAll("*")].filter((one) => isSeen(one) && one.getBoundingClientRect().right > root.clientWidth + 1);
      wrong.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}: ${wide.slice(0, 3).map(name).join("; ")}`);
    }
  },
  targets() {
    for (const control of controls()) {
      if (control.matches("[tabindex='0']:not(button, a, input, select, textarea, [role])")) continue; // a place to scroll
      if (control.matches("[role=tabpanel], [role=log], [role=region]")) continue;
      if (control.matches("a") && getComputedStyle(control).display === "inline") continue; // a link within a text
      const box = (control.closest("label") ?? control).getBoundingClientRect();
      if (box.width < 24 || box.height < 24) wrong.push(`target ${Math.round(box.width)} × ${Math.round(box.height)}: ${name(control)}`);
    }
  },
  // Called after each Tab: remembers where the focus is. True when it has been there before.
  step() {
    const focused = document.activeElement;
    window.walked ??= new Set();
    if (focused === document.body) return false;
    if (window.walked.has(focused)) return true;
    window.walked.add(focused);
    const style = getComputedStyle(focused);
    if (style.outlineStyle === "none" && style.boxShadow === "none") (window.unmarked ??= []).push(name(focused));
    return false;
  },
  walked() {
    // Of tabs, options and menu items one is a stop, and arrows lead to the others.
    const roving = "[role=tab], [role=option], [role=menuitem], [role=radio], [type=radio], [data-roving]";
    for (const control of controls()) {
      if (!window.walked?.has(control) && !(control.matches(roving) && control.tabIndex < 0) && control.type !== "radio") wrong.push(`Tab never comes to ${name(control)}`);
    }
    for (const one of window.unmarked ?? []) wrong.push(`the focus is not seen on ${one}`);
    window.walked = window.unmarked = undefined;
  },
};
