// The line of time as a table: the same moments, for whoever reads rather than looks.
import { html } from "../ui.js";
import { LANES, atMs } from "./moments.js";

const MOST_ROWS = 500;

export function Rows({ moments }) {
  const shown = moments.slice(-MOST_ROWS);
  return html`<div class="scroll rows" tabindex="0" role="region" aria-label="Moments">
    ${shown.length < moments.length && html`<p class="dim">The last ${MOST_ROWS} of ${moments.length} moments.</p>`}
    <table><thead><tr><th scope="col">At</th><th scope="col">Lane</th><th scope="col">What</th><th scope="col" class="figure">Length</th></tr></thead>
      <tbody>${shown.map((moment) => html`<tr key=${moment.key}>
        <td class="figure">${atMs(moment.from_ms)}</td><td>${LANES.find((lane) => lane.name === moment.lane)?.title}</td>
        <td>${moment.title}${moment.words && html`<span class="dim">: ${moment.words}</span>`}</td>
        <td class="figure">${moment.to_ms === null ? "" : `${Math.round(moment.to_ms - moment.from_ms)} ms`}</td></tr>`)}</tbody></table>
  </div>`;
}
