// The three questions that are asked first, answered in sentences.
import { duration } from "../format.js";
import { html } from "../ui.js";
import { restOf } from "../parts/lines.js";
import { turnsOf, verdict } from "../parts/waterfall.js";
import { factName } from "./words.js";

export function Glance({ record, gaps, go }) {
  const cut = record.entries.flatMap((entry, n) => (entry.interrupted && entry.role === "agent" ? [n] : []));
  const spoke = record.entries.some((entry) => entry.role === "agent");
  const slow = verdict(turnsOf(record.turns || []));
  return html`
    <div class="glance">
      ${record.lead && html`<section class="card"><h2>Why it scored ${record.lead.score}</h2><p>${scored(record.lead)}</p>
        <button class="quiet link" onClick=${() => document.getElementById("score").scrollIntoView({ block: "start" })}>Point by point</button></section>`}
      ${spoke && html`<section class="card"><h2>${cut.length === 0 ? "Never cut short" : `Cut short ${times(cut.length)}`}</h2>
        ${cut.length === 0 ? html`<p>The agent was heard to the end each time.</p>` : cut.slice(0, 1).map((n) => html`<${Cut} entry=${record.entries[n]} gaps=${gaps} />`)}
        ${cut.length > 0 && html`<div class="row">${cut.map((n) => html`<button class="quiet link" onClick=${() => go(n)}>at ${duration(record.entries[n].end_ms)}</button>`)}</div>`}
      </section>`}
      ${slow && html`<section class="card"><h2>Slowest answer</h2><p>${slow}</p>
        <button class="quiet link" onClick=${() => document.getElementById("latency").scrollIntoView({ block: "start" })}>Every answer's time</button></section>`}
    </div>`;
}

const NEAR_MS = 250;
const times = (n) => (n === 1 ? "once" : n === 2 ? "twice" : `${n} times`);

// By the caller, or as its stream ended.
function Cut({ entry, gaps }) {
  const gap = gaps.find(({ from, to }) => from - NEAR_MS <= entry.end_ms && entry.end_ms <= to + NEAR_MS);
  const rest = restOf(entry.text, entry.meant);
  return html`<p>${gap ? `By the stream’s end (${gap.why}).` : "By the caller."} Heard: <q>${entry.text || "nothing of it"}</q>${rest && html` <span class="unheard">Not heard: <s>${rest}</s></span>`}</p>`;
}

// The greatest lines of the sum, in words.
function scored({ points }) {
  const line = (each) => `${each.points < 0 ? "−" : "+"}${Math.abs(each.points)} ${factName(each.fact)} (${each.value})`;
  const most = [...points].sort((a, b) => Math.abs(b.points) - Math.abs(a.points));
  const told = most.slice(0, 3).map(line).join(", ");
  return told ? `${told}${most.length > 3 ? ` and ${most.length - 3} more` : ""}.` : "The caller told nothing that counts.";
}
