/** Marks within a line of Markdown: code, emphasis, links. Markup and pictures stay the text that they are. */

import { element } from "./dom.js";

const NEXT =
  /(`+)(?!`)([\s\S]*?[^`])\1(?!`)|\*\*(?=\S)([^*]*(?:\*(?!\*)[^*]*)*?\S)\*\*|(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?!\*)|(?<!\w)_(?=[^\s_])([^_\n]*[^\s_])_(?!\w)|~~(?=\S)([^~\n]+)~~|!?\[([^\[\]\n]*)\]\(\s*([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)(?:\s+"[^"\n]*")?\s*\)|\bhttps?:\/\/[^\s<>"'`)\]]*[^\s<>"'`)\].,;:!?]|\\([\\`*_{}[\]()#+\-.!~>|])|( {2,}|\\)\n/g;
const LONGEST = 20_000;

/** Nodes of a text. depth: how many marks it stands in. */
export function inline(text, depth = 0) {
  if (depth > 6 || text.length > LONGEST) return [text];
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(NEXT)) {
    if (match.index > at) nodes.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    nodes.push(...marked(match, depth + 1));
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

function marked(match, depth) {
  const [all, , code, strong, starred, scored, struck, label, target, escaped, ending] = match;
  if (code !== undefined) return [element("code", {}, code.replace(/^ (.+) $/s, "$1"))];
  if (strong !== undefined) return [element("strong", {}, ...inline(strong, depth))];
  if (starred !== undefined) return [element("em", {}, ...inline(starred, depth))];
  if (scored !== undefined) return [element("em", {}, ...inline(scored, depth))];
  if (struck !== undefined) return [element("del", {}, ...inline(struck, depth))];
  if (escaped !== undefined) return [escaped];
  if (ending !== undefined) return [element("br")];
  if (label === undefined) return link(all, [all]);
  return all.startsWith("!") ? [all] : link(target, inline(label, depth), all);
}

/** A link that leads where it says: only to the web, and its host is shown. Anything else stays text. */
function link(target, nodes, written = target) {
  let url;
  try {
    url = new URL(target);
  } catch {
    return [written];
  }
  if ((url.protocol !== "https:" && url.protocol !== "http:") || url.username || url.password) return [written];
  const made = element("a", { href: url.href, rel: "noopener noreferrer nofollow", target: "_blank" }, ...nodes);
  return made.textContent.includes(url.host) ? [made] : [made, element("span", { class: "host" }, ` (${url.host})`)];
}
