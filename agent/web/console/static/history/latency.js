// Where each answer's time went.
import { html } from "../ui.js";
import { seconds } from "../format.js";
import { STAGES, slowest, slowly, stages, total } from "./words.js";

export function Latency({ record }) {
  const turns = record.turns || [];
  if (!turns.length) return null;
  const slow = slowest(turns);
  const longest = Math.max(...turns.map(total), 1);
  return html`
    <section class="card" aria-labelledby="latency"><h2 id="latency">Time of each answer</h2>
      <p>${slowly(slow, turns.length)}</p>
      <ul class="legend" aria-hidden="true">${STAGES.map((stage) => html`<li class=${stage.key}>${stage.name}</li>`)}</ul>
      <ol class="turns">${turns.map((turn, n) => html`<li class=${n + 1 === slow.number ? "slowest" : ""}>
        <span class="figure">${n + 1}</span>
        <span class="bars" role="img" aria-label=${Object.entries(stages(turn)).map(([key, ms]) => `${STAGES.find((s) => s.key === key).name} ${seconds(ms)}`).join(", ")}>
          ${Object.entries(stages(turn)).map(([key, ms]) => html`<span class=${key} style=${{ width: `${(100 * Math.max(ms, 0)) / longest}%` }}></span>`)}</span>
        <span class="figure">${seconds(total(turn))}</span></li>`)}</ol>
    </section>`;
}
