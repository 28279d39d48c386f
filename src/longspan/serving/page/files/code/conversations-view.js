/** The list of conversations: open, rename, export, delete. */

import { titled } from "./conversations.js";
import { button, element, the, unseen } from "./dom.js";

/** Shows them. now: the id of the one on the screen; act: {open, rename, save, remove}. */
export function draw(list, now, act) {
  const open = the("conversations").querySelector("details[open]")?.dataset.id;
  the("conversations").replaceChildren(...list.map((each) => row(each, each.id === now, each.id === open, act)));
  the("conversations-empty").hidden = list.length > 0;
}

function row(conversation, current, open, act) {
  const title = titled(conversation);
  const more = element(
    "details",
    { class: "more", "data-id": conversation.id, open },
    element("summary", {}, "More", unseen(` on ${title}`)),
    element(
      "div",
      { class: "actions" },
      button("Rename", () => rename(box, conversation, act)),
      button("Save as Markdown", () => act.save(conversation.id, "md")),
      button("Save as JSON", () => act.save(conversation.id, "json")),
      button("Delete", () => act.remove(conversation.id)),
    ),
  );
  const box = element(
    "li",
    { class: "conversation" },
    element(
      "div",
      { class: "line" },
      button(title, () => act.open(conversation.id), { class: "name", "aria-current": current ? "true" : null }),
      more,
    ),
  );
  return box;
}

function rename(box, conversation, act) {
  const field = element("input", { "aria-label": "Name of the conversation", value: titled(conversation), maxlength: 120 });
  const form = element("form", { class: "rename" }, field, element("button", {}, "Rename"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act.rename(conversation.id, field.value.trim());
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    act.rename(conversation.id, conversation.title);
  });
  box.replaceChildren(form);
  field.focus();
  field.select();
}
