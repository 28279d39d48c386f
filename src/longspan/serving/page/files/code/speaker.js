/** Tells those who listen what happens: whole sentences, and not before they have ended. */

import { element, the } from "./dom.js";
import { spoken } from "./markdown.js";

const SENTENCE = /[\s\S]*?(?:[.!?…](?=["”’)»]?\s)["”’)»]?|[。！？]|\n\s*\n)\s*/y;
const KEPT = 12;
let told = 0;

/** Says something now. */
export function say(text) {
  const box = the("spoken");
  if (!text.trim()) return;
  box.append(element("p", {}, text.trim()));
  while (box.children.length > KEPT) box.firstChild.remove();
}

/** Begins with another text. */
export function begin() {
  told = 0;
}

/** Says the sentences that have ended in a text that grows; with `whole`, the rest as well. */
export function follow(text, whole = false) {
  let upto = told;
  SENTENCE.lastIndex = upto;
  while (SENTENCE.exec(text)) upto = SENTENCE.lastIndex;
  if (whole) upto = text.length;
  if (upto > told) say(spoken(text.slice(told, upto)));
  told = upto;
}
