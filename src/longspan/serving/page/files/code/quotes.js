/** Quotes of an answer: as numbers in it, and as a list below it. */

import { element, unseen } from "./dom.js";

/** What a quote says of itself. page: where it is known. */
export function standing(citation) {
  return citation.verified ? "word for word in the document" : "not found in any document";
}

/** Where a quote stands, for people. */
export function place(citation, page) {
  if (!citation.document) return "";
  const told = citation.place || citation.document;
  return page && told === citation.document ? `${told}, page ${page}` : told;
}

/** A number that leads to its quote. */
export function chip(citation, number, follow) {
  const name = `Quote ${number}: ${standing(citation)}`;
  return element(
    "button",
    {
      type: "button",
      class: citation.verified ? "chip" : "chip doubtful",
      "aria-label": name,
      title: name,
      onclick: (event) => follow(citation, number, event.currentTarget),
    },
    citation.verified ? `${number}` : `${number}?`,
  );
}

/** Puts a number behind each quote that the answer holds. Gives the quotes that it does not hold. */
export function number(box, citations, follow) {
  const text = flat(box);
  const ends = citations.map((citation, index) => ({ citation, index, end: text.endOf(citation.quote) }));
  // from the last to the first, so that places before a number stay what they were
  for (const { citation, index, end } of ends.filter((each) => each.end).sort(backwards)) {
    const range = document.createRange();
    range.setStart(end.node, end.offset);
    range.insertNode(chip(citation, index + 1, follow));
  }
  return new Set(ends.filter((each) => !each.end).map((each) => each.citation));
}

function backwards(one, other) {
  return other.end.at - one.end.at || other.index - one.index;
}

/** The text of a box with blanks and quotation marks made alike, and where each character of it stands. */
function flat(box) {
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  const places = [];
  let all = "";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (let offset = 0; offset < node.data.length; offset += 1) {
      const sign = alike(node.data[offset]);
      if (sign === " " && (all === "" || all.endsWith(" "))) continue;
      all += sign;
      places.push({ node, offset: offset + 1 });
    }
  }
  const folded = all.toLowerCase();
  return {
    endOf(quote) {
      const wanted = [...quote].map(alike).join("").replace(/ +/g, " ").trim().toLowerCase();
      if (wanted.length < 3) return null;
      const found = folded.length === all.length ? folded.indexOf(wanted) : all.indexOf(quote);
      if (found < 0) return null;
      let at = found + wanted.length - 1;
      while (all[at + 1] && (all[at + 1] === '"' || (/[.,;:!?]/.test(all[at + 1]) && all[at + 2] === '"'))) at += 1;
      return { ...places[at], at };
    },
  };
}

function alike(sign) {
  if (/\s/.test(sign)) return " ";
  if (/["“”„‟«»]/.test(sign)) return '"';
  return /['‘’‚]/.test(sign) ? "'" : sign;
}

/** Where a quote stands, or that it stands nowhere; and that an answer does not say it, where it only speaks of the same. */
function foundAt(citation, { pageOf, unsaid }) {
  const where = place(citation, pageOf(citation));
  return citation.verified ? (unsaid.has(citation) ? `Speaks of the same: ${where}` : where) : `Not found in any document${where ? `; said to be in ${where}` : ""}`;
}

/** Tells in a list of quotes the pages, which are known now. */
export function tellPages(box, citations, known) {
  box.querySelectorAll(".quote .where").forEach((where, index) => {
    where.textContent = foundAt(citations[index], known);
  });
}

/** The list of quotes. known: {pageOf, unsaid}, the page of a quote, null where none is known yet, and see `number`. */
export function quoteList(citations, follow, known) {
  const items = citations.map((citation, index) => {
    return element(
      "li",
      {},
      element(
        "button",
        {
          type: "button",
          class: citation.verified ? "quote" : "quote doubtful",
          onclick: (event) => follow(citation, index + 1, event.currentTarget),
        },
        element("span", { class: "number" }, unseen("Quote "), citation.verified ? `${index + 1}` : `${index + 1}?`),
        element("q", {}, shortened(citation.quote)),
        element("span", { class: "where" }, foundAt(citation, known)),
      ),
    );
  });
  const right = citations.filter((each) => each.verified).length;
  const title =
    right === citations.length
      ? `${count(right)}, word for word in the document`
      : `${count(citations.length)}, ${right} of them word for word in the document`;
  return element("section", { class: "quotes", "aria-label": "Quotes" }, element("h4", {}, title), element("ol", {}, ...items));
}

function count(number) {
  return number === 1 ? "1 quote" : `${number} quotes`;
}

function shortened(text) {
  const one = text.replace(/\s+/g, " ").trim();
  return one.length > 280 ? `${one.slice(0, 260).replace(/\s+\S*$/, "")} …` : one;
}
