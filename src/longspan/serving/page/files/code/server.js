/** Calls of the server, and what is said when they fail. */

import * as key from "./key.js";
import { seconds } from "./numbers.js";

/** What went wrong, in a sentence for people. status: of HTTP, 0 where nothing came. */
export class Failure extends Error {
  constructor(message, { status = 0, code = "" } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const UNREACHABLE = "The server does not answer. See whether it is running, then try again.";
export const BROKEN = "The connection broke off before the end. What came until then is kept; ask again for the rest.";

/** An answer of the server whose status says that it is one. Raises Failure, or AbortError where it was cancelled. */
export async function call(path, { method = "GET", json, form, signal } = {}) {
  for (;;) {
    const used = key.held();
    const headers = used ? { authorization: `Bearer ${used}` } : {};
    if (json !== undefined) headers["content-type"] = "application/json";
    const body = json === undefined ? form : JSON.stringify(json);
    let response;
    try {
      response = await fetch(path, { method, headers, body, signal, credentials: "omit", redirect: "error" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure(UNREACHABLE);
    }
    if (response.ok) return response;
    const failure = await failed(response);
    const why = used ? `The key was not taken. ${failure.message}` : "This server asks for a key.";
    if (response.status !== 401 || (used === key.held() && !(await key.ask(why)))) throw failure;
  }
}

/** The JSON of an answer. */
export async function fetched(path, options) {
  const response = await call(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure("The server's answer cannot be read. Load this page again.");
  }
}

async function failed(response) {
  let said = null;
  try {
    said = (await response.json()).error;
  } catch {
    said = null;
  }
  const after = Number(response.headers.get("retry-after"));
  const message = sentence(said?.message) || `The server answered with status ${response.status}.`;
  const wait = after > 0 ? ` Try again in ${seconds(after)}.` : "";
  return new Failure(message + wait, { status: response.status, code: said?.code ?? "" });
}

/** What an error object in a stream says. */
export function told(error) {
  return new Failure(sentence(error?.message) || BROKEN, { code: error?.code ?? "" });
}

/** What a program says, as a sentence. */
export function sentence(text) {
  if (typeof text !== "string" || !text.trim()) return "";
  const said = text.trim();
  return said[0].toUpperCase() + said.slice(1) + (/[.!?]$/.test(said) ? "" : ".");
}
