/** Documents that somebody drops, picks or pastes. */

import { the } from "./dom.js";

/** take: gets files, and texts as {name, text}. */
export function listen(take) {
  const cover = the("cover");
  const has = (event) => event.dataTransfer?.types.includes("Files");
  let inside = 0;

  addEventListener("dragenter", (event) => {
    if (!has(event)) return;
    event.preventDefault();
    inside += 1;
    cover.hidden = false;
  });
  addEventListener("dragover", (event) => {
    if (has(event)) event.preventDefault();
  });
  addEventListener("dragleave", (event) => {
    if (!has(event)) return;
    inside -= 1;
    if (inside <= 0) cover.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!has(event)) return;
    event.preventDefault();
    inside = 0;
    cover.hidden = true;
    take([...event.dataTransfer.files]);
  });

  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (files.length) {
      event.preventDefault();
      take(files);
    } else if (text.trim() && !event.target.closest?.("input, textarea, dialog")) {
      event.preventDefault();
      take([named("", text)]);
    }
  });

  const picker = the("picker");
  for (const opener of document.querySelectorAll("[data-opens=picker]")) opener.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    const files = [...picker.files];
    picker.value = "";
    if (files.length) take(files);
  });
  pasting(take);
}

/** The dialog in which text is pasted. */
function pasting(take) {
  const dialog = the("pasting");
  for (const opener of document.querySelectorAll("[data-opens=pasting]")) {
    opener.addEventListener("click", () => {
      the("pasted-name").value = "";
      the("pasted-text").value = "";
      dialog.showModal();
      the("pasted-text").focus();
    });
  }
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = the("pasted-text").value;
    if (!text.trim()) return;
    take([named(the("pasted-name").value, text)]);
    dialog.close();
  });
}

/** A text that was pasted. One without a name is called by its first words. */
function named(name, text) {
  const words = text.trim().split(/\s+/).slice(0, 5).join(" ").slice(0, 40);
  const called = (name.trim() || words).replace(/[\\/:\s\p{Cc}]+/gu, " ").trim() || "text";
  return { name: called, text };
}
