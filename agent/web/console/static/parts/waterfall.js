// The latency waterfall: a bar for each turn, a part of it for each stage. With a finished record: turns=${record.turns}.
import { millis, seconds } from "../format.js";
import { html, useMemo } from "../ui.js";
import { STAGES, inWords, slowestOf, turnsOf, verdict } from "./stages.js";

export { turnsOf, slowestOf, verdict };

function Bar({ turn, longest }) {
  return html`<div class="bar" role="img" aria-label=${inWords(turn)}>
    ${turn.stages.map((stage) => stage.ms > 0 && html`
      <span key=${stage.name} class=${`stage ${stage.name}${stage === turn.slowest ? " slowest" : ""}`}
        title=${`${stage.title}: ${millis(stage.ms)}`} style=${{ width: `${(100 * stage.ms) / longest}%` }}>
        ${stage.ms / longest > 0.34 && html`<b>${millis(stage.ms)}</b>`}
      </span>`)}
  </div>`;
}

// `pick(turn)` is asked for where a turn's number is pressed; `current` is a turn's number.
export function Waterfall({ turns: times, pick, current }) {
  const turns = useMemo(() => turnsOf(times), [times]);
  if (!turns.length) return html`<p class="dim">No turn has been answered yet.</p>`;
  const worst = slowestOf(turns);
  const longest = worst.total_ms || 1;
  return html`<div class="waterfall">
    <p class="verdict">${verdict(turns)}</p>
    <ul class="legend" aria-label="Stages, in order">
      ${STAGES.map((stage) => html`<li key=${stage.name} title=${stage.what}><i class=${`stage ${stage.name}`}></i>${stage.title}</li>`)}
    </ul>
    <table>
      <caption class="unseen">Time from the caller’s last word to the first audio of the answer</caption>
      <thead><tr><th scope="col">Turn</th><th scope="col" class="wide">Stages</th>
        <th scope="col">Slowest</th><th scope="col" class="figure">Total</th></tr></thead>
      <tbody>${turns.map((turn) => html`
        <tr key=${turn.turn} class=${turn === worst && turns.length > 1 ? "worst" : ""} aria-current=${turn.turn === current ? "true" : undefined}>
          <th scope="row">${pick ? html`<button class="quiet" aria-label=${`Turn ${turn.turn}`} onClick=${() => pick(turn)}>${turn.turn}</button>` : turn.turn}</th>
          <td class="wide"><${Bar} turn=${turn} longest=${longest} /></td>
          <td class="slow"><span class="tag">${turn.slowest.title}<b> ${millis(turn.slowest.ms)}</b></span></td>
          <td class="figure">${seconds(turn.total_ms)}${turn === worst && turns.length > 1 && html`<small> slowest</small>`}</td>
        </tr>`)}</tbody>
    </table>
  </div>`;
}
