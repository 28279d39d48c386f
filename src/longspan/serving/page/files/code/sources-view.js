/** The list of sources: which is asked about, which are being read. */

import { button, element, the, unseen } from "./dom.js";
import { bytes, counted, seconds, short, whole } from "./numbers.js";
import { sentence } from "./server.js";
import { estimate } from "./sources.js";

export class SourcesView {
  #rows = new Map();

  /** choose, show, remove: what is done with a source. chosen: the id of the one that is asked about. */
  constructor(sources, { choose, show, remove, chosen }) {
    Object.assign(this, { sources, choose, show, remove, chosen });
    sources.addEventListener("change", () => this.draw());
    sources.addEventListener("progress", (event) => this.#progress(event.detail));
  }

  draw() {
    const focused = document.activeElement?.dataset?.key;
    const { list, reading } = this.sources;
    the("sources").replaceChildren(...(list.length ? [this.#none(), ...list.map((each) => this.#kept(each))] : []));
    this.#rows.clear();
    the("reading").replaceChildren(...reading.map((job) => this.#job(job)));
    the("sources-empty").hidden = list.length + reading.length > 0;
    if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #radio(value) {
    return element("input", {
      type: "radio",
      name: "source",
      "data-key": `source ${value}`,
      checked: this.chosen() === value,
      onchange: () => this.choose(value),
    });
  }

  #none() {
    return element(
      "li",
      { class: "source none" },
      element("label", {}, this.#radio(""), element("span", { class: "name" }, "No document")),
    );
  }

  #kept(source) {
    const name = source.name || source.documents?.[0] || "Untitled";
    const more = source.documents?.length > 1 ? `${source.documents.length} documents, ` : "";
    const figures = `${more}${counted(source.tokens, "token")}, ${bytes(source.bytes)}`;
    return element(
      "li",
      { class: "source" },
      element(
        "label",
        {},
        this.#radio(source.id),
        element("span", { class: "name" }, name),
        element("span", { class: "figures" }, figures),
        source.plan && element("span", { class: "figures" }, `plan ${source.plan}`),
        source.notes?.map((note) => element("span", { class: "figures noted" }, sentence(note))),
      ),
      element(
        "div",
        { class: "actions" },
        button(["Read", unseen(` ${name}`)], (event) => this.show(source, event.currentTarget), { "data-key": `show ${source.id}` }),
        button(["Delete", unseen(` ${name}`)], () => this.remove(source), { "data-key": `remove ${source.id}` }),
      ),
    );
  }

  #job(job) {
    const failed = job.state === "failed";
    const bar = element("progress", { max: 1, "aria-label": `Reading ${job.name}` });
    const text = element("span", { class: "figures" });
    this.#rows.set(job.id, { bar, text });
    const row = element(
      "li",
      { class: failed ? "job failed" : "job" },
      element("span", { class: "name" }, job.name),
      failed ? element("span", { class: "fault" }, `Not read. ${job.fault}`) : [bar, text],
      element(
        "div",
        { class: "actions" },
        failed && button(["Try again", unseen(` ${job.name}`)], () => this.sources.again(job), { "data-key": `again ${job.id}` }),
        button([failed ? "Dismiss" : "Cancel", unseen(` ${job.name}`)], () => this.sources.cancel(job), {
          "data-key": `cancel ${job.id}`,
        }),
      ),
    );
    if (!failed) this.#progress(job);
    return row;
  }

  #progress(job) {
    const row = this.#rows.get(job.id);
    if (!row) return;
    if (job.state === "reading" && job.progress) {
      const { share, left } = estimate(job.progress);
      row.bar.value = share;
      row.text.textContent = progressText(job.progress, left);
    } else {
      row.text.textContent = job.state === "waiting" ? "Waiting for its turn" : "Sending and opening the file…";
    }
  }
}

/** How far reading has come, in words. */
export function progressText({ processed, total }, left) {
  const rest = left === null ? "" : left < 1 ? ", nearly done" : `, about ${seconds(left)} left`;
  return `${total < 10_000 ? whole(processed) : short(processed)} of ${total < 10_000 ? whole(total) : short(total)} tokens read${rest}`;
}
