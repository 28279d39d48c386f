/** The texts of contexts, fetched when somebody looks and then kept. */

import { documents } from "./contexts.js";
import { Failure } from "./server.js";
import { Offsets } from "./offsets.js";

const held = new Map();
const KEPT = 4;

/** The documents of a context: {name, text, offsets, pages, unit}. Pages are offsets in code points, as citations are; unit is what they are called. */
export function textsOf(id) {
  if (!held.has(id)) {
    const coming = documents(id).then((found) => found.map(prepared));
    coming.catch(() => held.delete(id));
    held.set(id, coming);
    if (held.size > KEPT) held.delete(held.keys().next().value);
  }
  return held.get(id);
}

export function dropText(id) {
  held.delete(id);
}

function prepared({ name, text, pages, unit }) {
  return { name, text, offsets: new Offsets(text), pages: pages ?? [], unit: unit || "page" };
}

/** Which of the documents a quote is from. */
export function sourceOf(texts, citation) {
  const numbered = texts[(citation.number ?? 0) - 1];
  const found = numbered?.name === citation.document ? numbered : texts.find((each) => each.name === citation.document);
  if (!found) throw new Failure(`“${citation.document}” is not among the documents of this source.`);
  return found;
}

/** The page on which a quote begins, from 1; null where the document has no pages. */
export function pageAt(text, start) {
  let page = 0;
  while (page < text.pages.length && text.pages[page] <= start) page += 1;
  return page || null;
}
