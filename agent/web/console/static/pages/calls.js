// What is kept of calls: a list that is searched, or one of them.
import { html } from "../ui.js";
import Record from "./record.js";

export default function Calls({ rest, about, session }) {
  if (rest[0]) return html`<${Record} sid=${rest[0]} back="#/calls" about=${about} session=${session} />`;
  return html`<h1>History</h1>`;
}
