/** Conversations, kept in this browser: one entry each, so that none is lost with another. */

import { Failure } from "./server.js";

const PREFIX = "longspan.conversation.";

/** A conversation that nobody has begun yet. source: the id of the context that it is about. */
export function begun(source = "") {
  const now = Date.now();
  return { id: crypto.randomUUID?.() ?? `${now}-${Math.random()}`, title: "", made: now, changed: now, source, turns: [] };
}

/** All of them, the last changed first. What cannot be read is left where it is. */
export function kept() {
  const found = [];
  for (let index = 0; index < localStorage.length; index += 1) {
    const name = localStorage.key(index);
    if (name?.startsWith(PREFIX)) found.push(opened(name.slice(PREFIX.length)));
  }
  return found.filter(Boolean).sort((one, other) => other.changed - one.changed);
}

/** The conversation with this id, or null. */
export function opened(id) {
  try {
    const held = JSON.parse(localStorage.getItem(PREFIX + id));
    return held?.id === id && Array.isArray(held.turns) ? held : null;
  } catch {
    return null;
  }
}

/** Keeps a conversation as it is now. Raises Failure where the browser has no room left. */
export function keep(conversation) {
  try {
    localStorage.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
  } catch {
    throw new Failure("This browser has no room left for conversations. Export some, then delete them.");
  }
}

export function forget(id) {
  localStorage.removeItem(PREFIX + id);
}

/** Calls when another window has changed a conversation, with its id. */
export function elsewhere(act) {
  addEventListener("storage", (event) => {
    if (event.key?.startsWith(PREFIX)) act(event.key.slice(PREFIX.length));
  });
}

/** The title: what somebody gave it, or its first question. */
export function titled(conversation) {
  if (conversation.title) return conversation.title;
  const asked = conversation.turns.find((turn) => turn.role === "user")?.text.replace(/\s+/g, " ").trim() ?? "";
  return asked.length > 72 ? `${asked.slice(0, 70)}…` : asked || "New conversation";
}

/** The messages of the turns before one: what was said, without answers that said nothing and their questions. */
export function messages(turns) {
  const said = [];
  for (const turn of turns) {
    if (turn.role === "user" && said.at(-1)?.role === "user") said.pop();
    if (turn.role === "user" || turn.text) said.push({ role: turn.role, content: turn.text });
  }
  return said;
}
