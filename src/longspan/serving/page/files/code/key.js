/** The key of the server: asked for when it is needed, and kept until the window is closed. */

import { the } from "./dom.js";

const NAME = "longspan.key";
let asked = null;

/** The key, or an empty text. */
export function held() {
  return sessionStorage.getItem(NAME) ?? "";
}

/** Asks for a key. Gives whether there is another one now; those who ask at the same time wait for one answer. */
export function ask(why) {
  asked ??= shown(why).finally(() => (asked = null));
  return asked;
}

function shown(why) {
  const dialog = the("key");
  const field = the("key-field");
  the("key-why").textContent = why;
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const form = dialog.querySelector("form");
    const given = (event) => {
      event.preventDefault();
      if (!field.value.trim()) return;
      sessionStorage.setItem(NAME, field.value.trim());
      dialog.close("given");
    };
    form.addEventListener("submit", given);
    dialog.addEventListener(
      "close",
      () => {
        form.removeEventListener("submit", given);
        field.value = "";
        resolve(dialog.returnValue === "given");
      },
      { once: true },
    );
  });
}
