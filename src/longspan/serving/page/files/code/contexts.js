/** What the server has read: list, read, text, delete. */

import { BROKEN, Failure, call, fetched, told } from "./server.js";
import { events } from "./sse.js";

/** Everything that was read before. */
export async function listed() {
  return (await fetched("v1/contexts")).data ?? [];
}

/** Reads a file, or a text as {name, text}. Tells how far it has come, and gives the context in the end. */
export async function read(source, { plan, signal, progress }) {
  const response = await call("v1/contexts", { method: "POST", signal, ...sent(source, plan) });
  if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) return response.json();
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") break;
      const said = JSON.parse(data);
      if (said.error) throw told(said.error);
      if (said.prompt_progress) progress(said.prompt_progress);
      if (said.object === "context") return said;
    }
  } catch (error) {
    if (error instanceof Failure || error.name === "AbortError") throw error;
    throw new Failure("The connection broke off while the document was being read. Try again.");
  }
  throw new Failure(BROKEN);
}

function sent(source, plan) {
  if (!(source instanceof File)) {
    return { json: { name: source.name, text: source.text, stream: true, ...(plan ? { plan } : {}) } };
  }
  const form = new FormData();
  form.append("name", source.name);
  if (plan) form.append("plan", plan);
  form.append("stream", "true");
  form.append("file", source, source.name);
  return { form };
}

/** The documents of a context with their text. Pages are offsets at which they begin, where there are pages. */
export async function documents(id, signal) {
  return (await fetched(`v1/contexts/${encodeURIComponent(id)}/documents`, { signal })).documents ?? [];
}

export async function remove(id) {
  await call(`v1/contexts/${encodeURIComponent(id)}`, { method: "DELETE" });
}
