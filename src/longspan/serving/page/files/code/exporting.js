/** A conversation as a file: Markdown for people, JSON for programs. */

import { titled } from "./conversations.js";
import { element } from "./dom.js";
import { place, standing } from "./quotes.js";

/** An answer with its quotes, as Markdown. */
export function answerText(turn) {
  const quotes = (turn.citations ?? []).map((citation, index) => {
    const where = place(citation);
    return `${index + 1}. “${citation.quote.replace(/\s+/g, " ").trim()}”${where ? ` (${where})` : ""}: ${standing(citation)}`;
  });
  const noted = turn.state === "done" ? "" : `\n\n*${turn.fault || "Stopped before its end."}*`;
  return `${turn.text}${noted}${quotes.length ? `\n\n${quotes.join("\n")}` : ""}`;
}

function markdown(conversation) {
  const turns = conversation.turns.map((turn) =>
    turn.role === "user" ? `## ${turn.text.trim().replace(/\n/g, "\n> ")}` : answerText(turn),
  );
  return `# ${titled(conversation)}\n\n${turns.join("\n\n")}\n`;
}

/** Has the browser save a conversation. form: "md" or "json". */
export function save(conversation, form) {
  const text = form === "md" ? markdown(conversation) : `${JSON.stringify(conversation, null, 2)}\n`;
  const kind = form === "md" ? "text/markdown" : "application/json";
  const name = titled(conversation).replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "conversation";
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  const anchor = element("a", { href: url, download: `${name}.${form}` });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Puts a text on the clipboard. Gives whether that went well. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text); // a page that is not on localhost and not encrypted has no clipboard
  }
}

function copiedByHand(text) {
  const focused = document.activeElement;
  const field = element("textarea", { class: "unseen", value: text, "aria-hidden": "true" });
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return done;
}
