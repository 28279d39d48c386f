/** A document in pieces that are shown by themselves, so that a book of a megabyte scrolls. All offsets are units. */

const LONG = 12_000;
const GAP = /\n[^\S\n]*\n\s*/g;

/** Sections of a text, one after the other: {start, end, page}, page where one begins with it. */
export function sections(text, pages) {
  const found = [];
  const starts = pages.length ? pages : [0];
  if (starts[0] > 0) found.push(...short(text, 0, starts[0], null));
  starts.forEach((start, index) => {
    found.push(...short(text, start, starts[index + 1] ?? text.length, pages.length ? index + 1 : null));
  });
  return found;
}

function short(text, from, to, page) {
  const found = [];
  let start = from;
  while (to - start > LONG) {
    let end = text.lastIndexOf("\n\n", start + LONG);
    if (end <= start) end = text.lastIndexOf("\n", start + LONG);
    if (end <= start) end = text.lastIndexOf(" ", start + LONG);
    if (end <= start) end = start + LONG - (/[\ud800-\udbff]/.test(text[start + LONG - 1]) ? 1 : 0);
    else end += text[end] === "\n" && text[end + 1] === "\n" ? 2 : 1;
    found.push({ start, end, page: start === from ? page : null });
    start = end;
  }
  found.push({ start, end: to, page: start === from ? page : null });
  return found;
}

/**
 * Paragraphs of a section: {start, end, kind}. kind: heading, with `sign` units of its sign; prose, whose line ends are
 * those of a typewriter; or lines, which end where they end.
 */
export function paragraphs(text, section, marked) {
  const found = [];
  let start = section.start;
  const add = (end) => {
    if (text.slice(start, end).trim()) found.push(...parts(text, start, end, marked));
  };
  GAP.lastIndex = section.start;
  for (let gap = GAP.exec(text); gap && gap.index < section.end; gap = GAP.exec(text)) {
    add(gap.index);
    start = Math.min(GAP.lastIndex, section.end);
  }
  add(section.end);
  return found;
}

function parts(text, start, end, marked) {
  const sign = marked ? /^#{1,6}[^\S\n]+/.exec(text.slice(start, end)) : null;
  if (!sign) return [{ start, end, kind: prose(text.slice(start, end)) ? "prose" : "lines" }];
  const line = text.indexOf("\n", start);
  const stop = line < 0 || line > end ? end : line;
  const heading = { start, end: stop, kind: "heading", sign: sign[0].length, level: sign[0].trim().length };
  const rest = text.slice(stop, end).trim() ? parts(text, stop + 1, end, marked) : [];
  return [heading, ...rest];
}

/** Whether lines end because a line was full: all but the last are long, and none is indented or an item. */
function prose(text) {
  const lines = text.trimEnd().split("\n");
  if (lines.length === 1) return true;
  const full = lines.slice(0, -1);
  return full.every((line) => line.length >= 45) && lines.every((line) => !/^(?:\s{2,}|[-*+•|>]\s|\d+[.)]\s|```)/.test(line));
}
