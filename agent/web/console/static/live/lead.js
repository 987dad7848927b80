// What is known of the caller so far, and what the call has cost.
import { money } from "../format.js";
import { html } from "../ui.js";

export function Lead({ call, record, over }) {
  const lead = record?.lead;
  const facts = lead?.facts?.length ? lead.facts : Object.entries(record?.facts || {}).map(([fact, value]) => ({ fact, value }));
  const score = lead?.score ?? call.score;
  const cost = record?.cost_usd ?? call.cost_usd;
  return html`<div class="lead">
    <dl class="figures">
      <div><dt>${over ? "Score" : "Score so far"}</dt><dd>${score ?? "–"}${score !== null && score !== undefined && html`<small> of 100</small>`}</dd></div>
      <div><dt>${over ? "Cost" : "Cost so far"}</dt><dd>${money(cost)}${record?.cost_estimated_usd > 0 && html`<small> part of it estimated</small>`}</dd></div>
      <div><dt>Barge-ins</dt><dd>${record?.barge_ins ?? call.barge_ins ?? 0}</dd></div>
    </dl>
    ${facts.length
      ? html`<ul class="known">${facts.map((each) => html`<li key=${each.fact}><b>${each.fact.replaceAll("_", " ")}</b> ${each.value}
          ${each.evidence && html`<small>“${each.evidence}”</small>`}</li>`)}</ul>`
      : html`<p class="dim">No facts yet.</p>`}
    ${lead?.points?.length > 0 && html`<details><summary>Why this score</summary><ul class="points">${lead.points.map((each) => html`
      <li><b class="figure">${each.points > 0 ? "+" : ""}${each.points}</b> ${each.why}</li>`)}</ul></details>`}
  </div>`;
}
