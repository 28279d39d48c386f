/** Markdown as nodes: headings, lists, quotations, code, tables and paragraphs. */

import { element } from "./dom.js";
import { inline } from "./inline.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const ITEM = /^( *)([-*+•]|\d{1,9}[.)])\s+(.*)$/;
const QUOTED = /^ {0,3}>\s?(.*)$/;
const COLUMNS = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$/;
const DEPTH = 8;

/** Shows a text in a box. What stood there before and has not changed is left alone, so that a stream can grow. */
export function render(box, text) {
  const blocks = cut(text);
  const before = box.blocks ?? [];
  let same = 0;
  while (same < blocks.length && same < before.length && blocks[same] === before[same]) same += 1;
  while (box.childNodes.length > same) box.lastChild.remove();
  for (const block of blocks.slice(same)) box.append(shown(block.split("\n"), 0));
  box.blocks = blocks;
}

/** The text of each block, where nothing inside of one matters to the next. */
function cut(text) {
  const blocks = [];
  let lines = [];
  let fence = "";
  const end = () => {
    if (lines.some((line) => line.trim())) blocks.push(lines.join("\n"));
    lines = [];
  };
  for (const line of text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n")) {
    const opening = fence ? null : FENCE.exec(line);
    const continues = /^ {2,}\S/.test(line) || ITEM.test(line);
    if (opening && !lines.some((each) => ITEM.test(each))) {
      end();
      fence = opening[1];
      lines.push(line);
    } else if (fence) {
      lines.push(line);
      if (line.trim().startsWith(fence) && !line.trim().replaceAll(fence[0], "")) {
        fence = "";
        end();
      }
    } else if (!line.trim()) {
      if (lines.length && ITEM.test(lines[0])) lines.push("");
      else end();
    } else if (lines.length && ITEM.test(lines[0]) && lines.at(-1) === "" && !continues) {
      end();
      lines.push(line);
    } else if (HEADING.test(line) || RULE.test(line)) {
      end();
      lines.push(line);
      end();
    } else if (lines.length && QUOTED.test(line) !== QUOTED.test(lines[0]) && !ITEM.test(lines[0])) {
      end();
      lines.push(line);
    } else if (lines.length && ITEM.test(line) && !ITEM.test(lines[0])) {
      end();
      lines.push(line);
    } else {
      lines.push(line);
    }
  }
  end();
  return blocks;
}

function shown(lines, depth) {
  const fence = FENCE.exec(lines[0]);
  if (fence) return code(lines, fence);
  const heading = HEADING.exec(lines[0]);
  if (heading) return element(`h${Math.min(6, heading[1].length + 3)}`, {}, ...inline(heading[2]));
  if (RULE.test(lines[0])) return element("hr");
  if (depth < DEPTH && QUOTED.test(lines[0])) {
    const inner = lines.map((line) => QUOTED.exec(line)?.[1] ?? line).join("\n");
    return element("blockquote", {}, ...cut(inner).map((block) => shown(block.split("\n"), depth + 1)));
  }
  if (depth < DEPTH && ITEM.test(lines[0])) return list(lines, depth);
  if (lines.length > 1 && lines[0].includes("|") && COLUMNS.test(lines[1])) return table(lines);
  return element("p", {}, ...inline(lines.join("\n")));
}

function code(lines, fence) {
  const closed = lines.length > 1 && lines.at(-1).trim().startsWith(fence[1]);
  const text = lines.slice(1, closed ? -1 : undefined).join("\n");
  const label = fence[2] ? `Code, ${fence[2]}` : "Code";
  return element("pre", { tabindex: 0, role: "group", "aria-label": label }, element("code", {}, text));
}

function list(lines, depth) {
  const [, margin, sign] = ITEM.exec(lines[0]);
  const numbered = /\d/.test(sign);
  const made = element(numbered ? "ol" : "ul", numbered && sign !== "1." ? { start: parseInt(sign, 10) } : {});
  let item = null;
  const end = () => {
    if (item === null) return;
    const [first, ...rest] = cut(item.join("\n"));
    const nodes = rest.map((block) => shown(block.split("\n"), depth + 1));
    const plain = first !== undefined && !ITEM.test(first) && !QUOTED.test(first) && !FENCE.test(first.split("\n")[0]);
    const head = first === undefined ? [] : plain ? inline(first) : [shown(first.split("\n"), depth + 1)];
    made.append(element("li", {}, ...head, ...nodes));
  };
  for (const line of lines) {
    const found = ITEM.exec(line);
    if (found && found[1].length <= margin.length + 1) {
      end();
      item = [found[3]];
    } else {
      item.push(line.replace(new RegExp(`^ {0,${margin.length + sign.length + 1}}`), ""));
    }
  }
  end();
  return made;
}

function table(lines) {
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((cell) => cell.trim());
  const row = (line, kind) => element("tr", {}, ...cells(line).map((cell) => element(kind, {}, ...inline(cell))));
  return element(
    "div",
    { class: "table", tabindex: 0, role: "group", "aria-label": "Table" },
    element(
      "table",
      {},
      element("thead", {}, row(lines[0], "th")),
      element("tbody", {}, ...lines.slice(2).map((line) => row(line, "td"))),
    ),
  );
}

/** What a text says when it is read aloud: without signs of Markdown. */
export function spoken(text) {
  return text
    .replace(/^ {0,3}(?:#{1,6}|>|[-*+•]|\d{1,9}[.)])\s+/gm, "")
    .replace(/!?\[([^\[\]]*)\]\([^()]*\)/g, "$1")
    .replace(/[*`]+|~~|\b__?|__?\b/g, "");
}
