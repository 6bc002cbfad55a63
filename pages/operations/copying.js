// A button that copies a text and says so.

import { copy } from "../shared/copy.js";
import { button } from "../shared/dom.js";
import { fail, toast } from "../shared/toast.js";
import { t } from "./texts.js";

export function copyButton(text, label = t.copy) {
  return button(label, async () => {
    try {
      await copy(text);
      toast(t.copied);
    } catch (error) {
      fail(error.message);
    }
  });
}
