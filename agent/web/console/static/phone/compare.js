// Two calls that were tried, side by side.
import { duration, money, seconds } from "../format.js";
import { html } from "../ui.js";
import { differences, lineDifference } from "./tries.js";

const shown = (value) => (value === undefined ? html`<span class="dim">as it is for all</span>` : String(value));

function Prompt({ before, after }) {
  const { gone, come } = lineDifference(before, after);
  return html`<details><summary>${gone.length} lines gone, ${come.length} new</summary><ul class="lines">
    ${gone.map((line, n) => html`<li key=${`a${n}`}><s>${line}</s></li>`)}
    ${come.map((line, n) => html`<li key=${`b${n}`}><ins>${line}</ins></li>`)}
  </ul></details>`;
}

function Differences({ before, after, present }) {
  const found = differences(before.given, after.given);
  if (!found.length) return html`<p class="dim">Both calls were told the same.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="What was told otherwise"><table>
    <thead><tr><th scope="col">Told otherwise</th><th scope="col">Before</th><th scope="col">Last</th></tr></thead>
    <tbody>${found.map((each) => html`<tr key=${each.name}><th scope="row"><code>${each.name}</code></th>
      ${each.name === "prompt"
        ? html`<td colspan="2"><${Prompt} before=${each.before ?? present.prompt} after=${each.after ?? present.prompt} /></td>`
        : html`<td>${shown(each.before)}</td><td>${shown(each.after)}</td>`}</tr>`)}</tbody>
  </table></div>`;
}

const FIGURES = [
  ["Median latency", (call) => seconds(call.figures.median_ms)],
  ["Each answer", (call) => call.totals.map((ms) => seconds(ms)).join(", ") || "–"],
  ["Barge-ins", (call) => call.barge_ins],
  ["Backchannels", (call) => call.backchannels],
  ["Duration", (call) => duration(call.figures.duration_ms)],
  ["Cost", (call) => money(call.figures.cost_usd)],
];

function Told({ call, title }) {
  return html`<div><h3>${title}</h3><ol class="told">${call.entries.map((entry, n) => html`
    <li key=${n} class=${entry.role}><b>${entry.role === "agent" ? "Agent" : "You"}</b> ${entry.text}${entry.rest && html` <s>${entry.rest}</s>`}</li>`)}</ol>
    <a href=${`#/calls/${call.callSid}`}>The whole call</a></div>`;
}

export function Compare({ calls, present }) {
  const [before, after] = calls;
  if (!before) return html`<p class="dim">Call once, change something, call again: both calls then stand here side by side.</p>`;
  if (!after) return html`<div class="sides"><${Told} call=${before} title="The last call" /></div>`;
  return html`
    <${Differences} before=${before} after=${after} present=${present} />
    <table><thead><tr><th scope="col">What came of it</th><th scope="col">Before</th><th scope="col">Last</th></tr></thead>
      <tbody>${FIGURES.map(([name, of]) => html`<tr key=${name}><th scope="row">${name}</th><td class="left">${of(before)}</td><td class="left">${of(after)}</td></tr>`)}</tbody></table>
    <div class="sides"><${Told} call=${before} title="Before" /><${Told} call=${after} title="Last" /></div>`;
}
