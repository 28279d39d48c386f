/** The model, the plan and the flow: what can be chosen, and what is. */

import { element, the } from "./dom.js";
import { fetched } from "./server.js";

const NAME = "longspan.choices";

/** Shown where the server suggests none. */
const PLANS = [
  ["positions=dca", "beyond the trained window"],
  ["policy=snapkv(budget=25%,when=chunk)", "keeps a quarter of what was read"],
  ["codec=int8", "half of the memory"],
  ["positions=dca policy=snapkv(budget=25%,when=chunk) codec=int8", "all three"],
];
const FLOWS = [
  ["best-passages", "the passages that speak most of the question"],
  ["map-reduce", "notes part by part, then one answer"],
  ["verified-reading", "part by part, each finding checked"],
  ["chain-of-agents", "notes handed on from part to part"],
];

export class Choices {
  models = [];

  constructor(changed) {
    const held = read();
    for (const name of ["plan", "flow"]) {
      const field = the(name);
      field.value = held[name] ?? "";
      field.addEventListener("input", () => {
        this.#save();
        changed();
      });
    }
    the("model").addEventListener("change", () => changed());
  }

  get model() {
    return the("model").value || this.models[0]?.id;
  }

  get plan() {
    return the("plan").value.trim();
  }

  get flow() {
    return the("flow").value.trim();
  }

  /** Tokens of question and answer together; 0 where the server does not say. */
  get window() {
    const model = this.models.find((each) => each.id === this.model);
    return model?.max_model_len ?? model?.meta?.n_ctx ?? model?.meta?.n_ctx_train ?? 0;
  }

  /** Asks the server for its models, and shows what there is to choose from. */
  async refresh() {
    this.models = (await fetched("v1/models")).data ?? [];
    const before = the("model").value;
    the("model").replaceChildren(...this.models.map(({ id }) => element("option", { value: id, selected: id === before }, id)));
    the("model-choice").hidden = this.models.length < 2;
    the("model-name").textContent = this.models[0]?.id ?? "";
    const meta = this.models[0]?.meta ?? {};
    list("plans", meta.plans, PLANS);
    list("flows", meta.flows, FLOWS);
  }

  /** What is chosen, in words. */
  get words() {
    const own = this.models[0]?.meta?.plan;
    const plan = this.plan ? `Plan ${this.plan}` : `The server’s plan${own ? ` (${own})` : ""}`;
    return `${plan}, ${this.flow ? `flow ${this.flow}` : "read as a whole"}`;
  }

  #save() {
    localStorage.setItem(NAME, JSON.stringify({ plan: this.plan, flow: this.flow }));
  }
}

function list(id, told, own) {
  const pairs = Array.isArray(told) && told.length ? told.map((each) => (typeof each === "string" ? [each, ""] : [each.name, each.about ?? ""])) : own;
  the(id).replaceChildren(...pairs.map(([value, about]) => element("option", { value }, about)));
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? {};
  } catch {
    return {};
  }
}
