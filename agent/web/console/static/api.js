// Requests to our own server. What it refuses becomes a Problem, with the server's own words.
import { told as tellClock } from "./clock.js";

export class Problem extends Error {
  constructor(status, told) {
    super(told.detail || told.title || `The server answered ${status}.`);
    this.status = status;
    this.title = told.title || "";
    this.errors = told.errors || [];
    this.refused = told.refused || [];
  }
}

// Relative to the page: behind a proxy that strips a prefix, everything is below that prefix.
export const address = (path, query = {}) => {
  const url = new URL(path.replace(/^\//, ""), document.baseURI.split("#")[0]);
  for (const [name, value] of Object.entries(query)) {
    if (value !== "" && value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
};

const signedOut = new EventTarget();
export const signOut = () => signedOut.dispatchEvent(new Event("out"));
export const onSignedOut = (act) => {
  signedOut.addEventListener("out", act);
  return () => signedOut.removeEventListener("out", act);
};

export async function ask(method, path, { query, body, headers, signal } = {}) {
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      signal,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The server does not answer. Is it running?" });
  }
  tellClock(response);
  if (response.ok) return response;
  if (response.status === 401 && path !== "session") signOut();
  throw new Problem(response.status, await response.json().catch(() => ({})));
}

export async function get(path, query, signal) {
  return (await ask("GET", path, { query, signal })).json();
}

export async function post(path, body = {}, headers = {}) {
  const response = await ask("POST", path, { body, headers });
  return response.status === 204 ? null : response.json().catch(() => null);
}
