// What is kept of calls: a list that is searched, or one of them.
import { Problem, address, get } from "../api.js";
import { FilterForm } from "../history/filter_form.js";
import { asked, forExport, forServer, hashOf, isFiltered } from "../history/filters.js";
import { List } from "../history/list.js";
import { html, useEffect, useMemo, useState } from "../ui.js";
import Record from "./record.js";

const PAGE = 25;

let last = "#/calls"; // where one comes back to from a call
const before = new Map(); // of each page's cursor, the page before it

export default function Calls({ rest, about, session }) {
  if (rest[0]) return html`<${Record} sid=${rest[0]} back=${last} about=${about} session=${session} />`;
  last = location.hash || "#/calls";
  return html`<${Search} key="calls" />`;
}

function useCalls(query) {
  const [state, show] = useState({ calls: null, next: null, problem: null, busy: true });
  useEffect(() => {
    const stop = new AbortController();
    show((now) => ({ ...now, busy: true }));
    get("api/calls", { ...forServer(query), limit: PAGE }, stop.signal).then(
      ({ calls, next }) => show({ calls, next, problem: null, busy: false }),
      (error) => {
        if (error.name === "AbortError") return;
        if (!(error instanceof Problem)) throw error;
        show({ calls: null, next: null, problem: error, busy: false });
      },
    );
    return () => stop.abort();
  }, [hashOf(query)]);
  return state;
}

function Search() {
  const query = asked(location.hash);
  const { calls, next, problem, busy } = useCalls(query);
  const faults = Object.fromEntries((problem?.errors || []).map((each) => [each.parameter, each.detail]));
  // Drawn again with another address or fault only: what somebody types meanwhile stays.
  const form = useMemo(() => html`<${FilterForm} query=${query} faults=${faults} />`, [hashOf(query), JSON.stringify(faults)]);
  const elsewhere = problem && !Object.keys(faults).some((name) => name !== "cursor");
  return html`
    <div class="row spread list-head"><h1>History</h1>
      <a class="button" href=${address("api/export", forExport(query))} download="calls.csv">Export as CSV</a></div>
    ${form}
    <p class="unseen" role="status">${busy ? "" : calls ? `${calls.length} calls on this page` : ""}</p>
    ${elsewhere && html`<p class="fault" role="alert">${problem.message}</p>`}
    ${calls && (calls.length ? html`<${List} calls=${calls} query=${query} busy=${busy} />` : html`<${Nothing} query=${query} />`)}
    ${calls && html`<${Pages} query=${query} next=${next} />`}`;
}

function Nothing({ query }) {
  if (query.cursor) return html`<p class="card">There is nothing behind this page any more. <a href=${hashOf({ ...query, cursor: "", page: "" })}>To the first</a></p>`;
  if (isFiltered(query)) {
    return html`<p class="card">No call fits all of this. Words must all occur, in what was said or in the summary.${" "}
      <a href=${hashOf({ sort: query.sort })}>Show all calls</a></p>`;
  }
  return html`<div class="card"><h2>No call yet</h2><p>As soon as the first one is over it is here.${" "}
    <a href="#/call">Call the agent from this page</a>, or from a terminal:</p>
    <pre class="command" tabindex="0"><code>calling-agent call --say "Hello, I am looking for a flat."</code></pre></div>`;
}

// Cursors lead onwards only; the way back is known for pages that one has come along, and Back is always back.
function Pages({ query, next }) {
  const number = Number(query.page) || 1;
  if (next) before.set(next, hashOf(query));
  if (!next && !query.cursor) return null;
  return html`
    <nav class="row pages" aria-label="More calls">
      ${query.cursor && html`<a class="button" href=${hashOf({ ...query, cursor: "", page: "" })}>First</a>`}
      ${query.cursor && before.has(query.cursor) && html`<a class="button" href=${before.get(query.cursor)}>Previous</a>`}
      <span class="dim">Page ${number}</span>
      ${next && html`<a class="button" href=${hashOf({ ...query, cursor: next, page: String(number + 1) })}>Next</a>`}
    </nav>`;
}
