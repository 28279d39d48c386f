/** The page: brings its parts together. */

import { Asking } from "./asking.js";
import { Choices } from "./choices.js";
import * as confirm from "./confirm.js";
import * as conversations from "./conversations.js";
import * as list from "./conversations-view.js";
import * as dropping from "./dropping.js";
import { perFrame, the } from "./dom.js";
import { answerText, copy, save } from "./exporting.js";
import * as meter from "./meter.js";
import { counted } from "./numbers.js";
import * as panels from "./panels.js";
import { Reader } from "./reader.js";
import { Sources } from "./sources.js";
import { SourcesView } from "./sources-view.js";
import { begin, follow, say } from "./speaker.js";
import { pageAt, sourceOf, textsOf } from "./texts.js";
import { Thread } from "./thread.js";

const OPEN = "longspan.open";
const LEAD = the("lead").textContent;
let connected = false;
let now = conversations.opened(sessionStorage.getItem(OPEN) ?? "") ?? conversations.begun();
const pages = new WeakMap(); // of a turn: the page of each of its quotes

const choices = new Choices(() => drawComposer());
const sources = new Sources(() => choices.plan);
const reader = new Reader({ opened: () => panels.reader(true), closed: () => panels.reader(false) });

const asking = new Asking({
  changed(conversation, turn) {
    if (conversation !== now) return;
    thread.grow(turn);
    follow(turn.text);
  },
  ended(conversation, turn) {
    drawList();
    if (conversation !== now) return;
    follow(turn.text, true);
    if (turn.fault) say(turn.fault);
    if (turn.citations?.length) say(`${counted(turn.citations.length, "quote")} below.`);
    thread.changed(false);
    drawComposer();
    findPages(turn);
  },
  trouble: (failure) => notice(failure.message),
});

const thread = new Thread({
  follow: (turn, number, from) => reader.find(turn.source, turn.citations, number, from),
  pageOf: (turn) => (citation) => pages.get(turn)?.get(citation) ?? null,
  copy: (turn) => copyText(answerText(turn), "Answer copied"),
  copyText,
  again(turn) {
    now.turns.splice(now.turns.indexOf(turn));
    ask();
  },
  resend(turn, text) {
    asking.stop(now.id);
    now.turns.splice(now.turns.indexOf(turn), Infinity, { role: "user", text, at: Date.now() });
    ask();
  },
});

const view = new SourcesView(sources, {
  chosen: () => now.source,
  choose,
  show: (source, from) => reader.show(source.id, from),
  async remove(source) {
    const name = source.name || source.documents?.[0] || "this source";
    if (!(await confirm.confirmed(`Delete “${name}” from the server?`, "Delete"))) return;
    try {
      await sources.remove(source.id);
      reader.drop(source.id);
      if (now.source === source.id) choose("");
      say(`${name} is deleted.`);
    } catch (error) {
      notice(error.message);
    }
  },
});

sources.addEventListener("read", ({ detail: context }) => {
  say(`${context.name || context.documents?.[0] || "The document"} is read: ${counted(context.tokens, "token")}.`);
  if (!now.source || !(now.turns.length || the("question").value)) choose(context.id);
});
sources.addEventListener("failed", ({ detail: job }) => say(`${job.name} was not read. ${job.fault}`));

/** Sends the last question. */
function ask() {
  notice("");
  begin();
  if (!conversations.opened(now.id)) sessionStorage.setItem(OPEN, now.id);
  asking.ask(now, { model: choices.model, plan: choices.plan, flow: choices.flow });
  thread.changed(true);
  thread.latest();
  drawList();
  drawComposer();
  the("question").focus();
}

function choose(id) {
  now.source = id;
  if (now.turns.length) keepNow();
  view.draw();
  drawComposer();
}

function open(id) {
  const next = asking.of(id) ?? conversations.opened(id) ?? conversations.begun(sources.list[0]?.id);
  if (now.id !== next.id) begin();
  now = next;
  sessionStorage.setItem(OPEN, now.id);
  thread.show(now, Boolean(asking.of(now.id)));
  const last = now.turns.at(-1);
  if (last) findPages(last);
  drawList();
  view.draw();
  drawComposer();
  panels.show("talk-panel");
}

/** Finds the pages of an answer's quotes, where its documents have pages. */
async function findPages(turn) {
  if (!turn.citations?.some((each) => each.document) || !turn.source) return;
  try {
    const texts = await textsOf(turn.source);
    const known = new Map();
    for (const citation of turn.citations) {
      if (citation.document && citation.start !== null) known.set(citation, pageAt(sourceOf(texts, citation), citation.start));
    }
    pages.set(turn, known);
    thread.paged(turn);
  } catch {
    return; // whoever follows a quote is told what is missing
  }
}

async function copyText(text, done) {
  const said = (await copy(text)) ? done : "This browser does not let the page copy; select the text instead.";
  say(said);
  notice(said, true);
}

function keepNow() {
  try {
    conversations.keep(now);
  } catch (error) {
    notice(error.message);
  }
}

/** Shows something for a while that belongs to no turn. passing: whether it goes by itself. */
function notice(text, passing = false) {
  const box = the("notice");
  box.hidden = !text;
  the("notice-text").textContent = text;
  clearTimeout(notice.timer);
  if (text && passing) notice.timer = setTimeout(() => (box.hidden = true), 4000);
}

function drawList() {
  list.draw(conversations.kept(), now.id, {
    open,
    save: (id, form) => save(asking.of(id) ?? conversations.opened(id), form),
    rename(id, title) {
      const conversation = id === now.id ? now : (asking.of(id) ?? conversations.opened(id));
      conversation.title = title;
      conversations.keep(conversation);
      drawList();
    },
    async remove(id) {
      const title = conversations.titled(conversations.opened(id));
      if (!(await confirm.confirmed(`Delete the conversation “${title}”?`, "Delete"))) return;
      asking.stop(id);
      await asking.over(id);
      conversations.forget(id);
      if (id === now.id) open("");
      else drawList();
    },
  });
}

function drawComposer() {
  const running = Boolean(asking.of(now.id));
  const source = sources.get(now.source);
  the("send").hidden = running;
  the("stop").hidden = !running;
  const gone = now.source && !source && connected;
  const name = source ? source.name || source.documents?.[0] || "a text" : "";
  the("about").textContent = gone ? "a document that is no longer here" : name || "no document";
  the("composer").classList.toggle("gone", Boolean(gone));
  the("lead").textContent = name ? `Ask about ${name}` : LEAD;
  the("chosen").textContent = choices.words;
  const draft = the("question").value;
  meter.show(meter.filling(now, source, draft, choices.window), choices.flow);
}

function composer() {
  const field = the("question");
  const draw = perFrame(drawComposer);
  field.addEventListener("input", () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, innerHeight / 3)}px`;
    draw();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      the("composer").requestSubmit();
    }
  });
  the("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text || asking.of(now.id)) return;
    field.value = "";
    field.style.height = "";
    now.turns.push({ role: "user", text, at: Date.now() });
    ask();
  });
  the("stop").addEventListener("click", () => {
    asking.stop(now.id);
    field.focus();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (asking.of(now.id)) asking.stop(now.id);
    else if (!the("reader").hidden) reader.close();
  });
}

async function connect() {
  try {
    await Promise.all([choices.refresh(), sources.refresh()]);
    the("unreachable").hidden = true;
    connected = true;
    if (!now.turns.length && !now.source && sources.list.length) now.source = sources.list[0].id;
  } catch (error) {
    the("unreachable").hidden = false;
    the("unreachable-text").textContent = error.message;
  }
  view.draw();
  drawComposer();
}

conversations.elsewhere((id) => {
  if (id === now.id && !asking.of(id)) {
    const other = conversations.opened(id);
    if (other) {
      now = other;
      if (now.turns.at(-1)?.state === "writing") now.turns.at(-1).elsewhere = true;
      thread.show(now, false);
    }
  }
  drawList();
});

confirm.listen();
panels.listen();
dropping.listen((files) => sources.add(files));
composer();
the("new").addEventListener("click", () => {
  open("");
  the("question").focus();
});
the("retry").addEventListener("click", connect);
the("notice-close").addEventListener("click", () => notice(""));
open(now.id);
await connect();
document.documentElement.dataset.ready = "true";
