// Calls, a row each; on a phone a card each.
import { duration, money, person, when } from "../format.js";
import { html } from "../ui.js";
import { changed, hashOf } from "./filters.js";
import { excerpt } from "./found.js";
import { ended, other, outbound } from "./words.js";

const COLUMNS = [
  { name: "when", title: "When", sort: (now) => (now === "newest" ? "oldest" : "newest"), sorts: { newest: "descending", oldest: "ascending" } },
  { name: "who", title: "Who" },
  { name: "length", title: "Length", figure: true, sort: () => "longest", sorts: { longest: "descending" } },
  { name: "ending", title: "How it ended" },
  { name: "score", title: "Score", figure: true, sort: () => "score", sorts: { score: "descending" } },
  { name: "cost", title: "Cost", figure: true, sort: () => "cost", sorts: { cost: "descending" } },
  { name: "what", title: "What it came to" },
];

const GOOD = 60;
const FAIR = 30;
const grade = (score) => (score >= GOOD ? "good" : score >= FAIR ? "fair" : "low");

export function List({ calls, query, busy }) {
  const sort = query.sort || "newest";
  const walk = (event) => {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way || !event.target.matches("a.open")) return;
    event.preventDefault();
    const links = [...event.currentTarget.querySelectorAll("a.open")];
    links[links.indexOf(event.target) + way]?.focus();
  };
  return html`
    <div class=${busy ? "calls busy" : "calls"} aria-busy=${busy ? "true" : "false"}><table onKeyDown=${walk}>
      <caption class="unseen">Calls. Arrow keys go from one to the next, Enter opens it.</caption>
      <thead><tr>${COLUMNS.map((column) => html`
        <th scope="col" class=${column.figure ? "figure" : ""} aria-sort=${column.sorts?.[sort]}>${column.sort
          ? html`<a href=${hashOf(changed(query, { sort: column.sort(sort) }))}>${column.title}<span aria-hidden="true">${ARROW[column.sorts[sort]] || ""}</span></a>`
          : column.title}</th>`)}</tr></thead>
      <tbody>${calls.map((call) => html`<${Row} key=${call.call_sid} call=${call} search=${query.q} />`)}</tbody>
    </table></div>`;
}

const ARROW = { descending: " ↓", ascending: " ↑" };

function Row({ call, search }) {
  const open = `#/calls/${encodeURIComponent(call.call_sid)}`;
  const clicked = (event) => {
    if (!event.target.closest("a") && getSelection().isCollapsed) location.hash = open;
  };
  const score = call.lead?.score;
  return html`
    <tr onClick=${clicked}>
      <td class="when"><a class="open" href=${open}>${when(call.started_at)}</a></td>
      <td class="who figure-left">${outbound(call) && html`<small>to </small>`}${person(other(call))}</td>
      <td class="figure length">${duration(call.duration_ms)}</td>
      <td class="ending">${call.ending ? ended(call) : html`<span class="tag agent">goes on</span>`}${
        call.entries.some((entry) => entry.interrupted) && html` <span class="tag" title="The agent was cut short in it">cut short</span>`}</td>
      <td class="figure score">${score === undefined ? html`<span class="dim">–</span>` : html`<span class=${`grade ${grade(score)}`}>${score}</span>`}</td>
      <td class="figure cost">${money(call.cost_usd)}</td>
      <td class="what"><span>${excerpt(call, search).map((piece) => (piece.marked ? html`<mark>${piece.text}</mark>` : piece.text))}</span></td>
    </tr>`;
}
