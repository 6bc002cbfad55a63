// Chinese and English. The address wins (`?lang=en`), then what you chose by the switch, then the browser's language.

const KEY = "language";

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is switched off
  }
}

const wanted = new URLSearchParams(location.search).get("lang") ?? stored() ?? navigator.language ?? "zh";

/** `zh` or `en`. */
export const language = wanted.toLowerCase().startsWith("zh") ? "zh" : "en";

document.documentElement.lang = language === "zh" ? "zh-CN" : "en";

/**
 * The texts of this language out of `{ zh, en }`. Also writes those that the page's markup names: `data-i18n` as an element's
 * text, `data-i18n-label` as its `aria-label` and `title`, `data-i18n-placeholder`.
 */
export function speak(texts) {
  const mine = texts[language];
  for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = mine[node.dataset.i18n];
  for (const node of document.querySelectorAll("[data-i18n-placeholder]")) node.placeholder = mine[node.dataset.i18nPlaceholder];
  for (const node of document.querySelectorAll("[data-i18n-label]")) {
    node.setAttribute("aria-label", mine[node.dataset.i18nLabel]);
    node.title = mine[node.dataset.i18nLabel];
  }
  return mine;
}

/** Makes a button the switch to the other language: the page loads anew in it. */
export function switchBy(button) {
  const other = language === "zh" ? "en" : "zh";
  button.textContent = other === "zh" ? "中文" : "English";
  button.lang = other === "zh" ? "zh-CN" : "en";
  button.addEventListener("click", () => {
    try {
      localStorage.setItem(KEY, other);
    } catch { /* then the address alone carries it */ }
    const address = new URL(location.href);
    address.searchParams.set("lang", other);
    location.replace(address);
  });
}
