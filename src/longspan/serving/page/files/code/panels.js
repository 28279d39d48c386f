/** Which panel is seen where there is room for one: library, talk or reader. */

import { the } from "./dom.js";

const NAMES = ["library", "talk-panel", "reader"];

/** Shows a panel. focus: whether the keyboard goes there. */
export function show(name) {
  document.body.dataset.panel = name;
  for (const each of NAMES) {
    const button = document.querySelector(`[data-panel-button="${each}"]`);
    if (each === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

export function listen() {
  for (const name of NAMES) {
    const button = document.querySelector(`[data-panel-button="${name}"]`);
    button.addEventListener("click", () => show(name));
  }
  show("talk-panel");
}

/** Opens or closes the reader, which others make room for. */
export function reader(open) {
  document.body.classList.toggle("reading", open);
  the("reader").hidden = !open;
  document.querySelector('[data-panel-button="reader"]').disabled = !open;
  show(open ? "reader" : "talk-panel");
}
