/** Asks before something is gone. */

import { the } from "./dom.js";

/** Gives whether somebody agreed. does: the word on the button. */
export function confirmed(question, does) {
  const dialog = the("confirm");
  the("confirm-question").textContent = question;
  the("confirm-yes").textContent = does;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function listen() {
  const dialog = the("confirm");
  the("confirm-yes").addEventListener("click", () => dialog.close("yes"));
  for (const each of document.querySelectorAll("dialog [data-closes]")) {
    each.addEventListener("click", () => each.closest("dialog").close());
  }
}
