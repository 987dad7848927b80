// What a call cost, by part and model. What rests on estimates says so.
import { money } from "../format.js";
import { html } from "../ui.js";

const PARTS = { stt: "Hearing", llm: "Thinking", tts: "Speaking", summary: "Summary" };
const number = new Intl.NumberFormat();
const AMOUNTS = [
  ["tokens_in", "tokens in"], ["tokens_cached", "of them cached"], ["tokens_out", "tokens out"], ["audio_in", "audio tokens in"],
  ["audio_cached", "of them cached"], ["audio_out", "audio tokens out"], ["seconds", "s of sound"], ["characters", "characters"],
];
const amounts = (used) => AMOUNTS.filter(([name]) => used[name]).map(([name, words]) => `${number.format(used[name])} ${words}`).join(", ");

export function Cost({ record }) {
  const usage = record.usage || [];
  return html`
    <section class="card" aria-labelledby="cost">
      <h2 id="cost">Cost ${record.cost_usd !== null && record.cost_usd !== undefined && html`<span class="figure">${money(record.cost_usd)}</span>`}</h2>
      ${usage.length === 0 ? html`<p class="dim">Nothing that is paid for was used: local providers are not counted.</p>` : html`
      <div class="scroll" tabindex="0" role="region" aria-label="Cost by part and model"><table>
        <thead><tr><th scope="col">Part</th><th scope="col">Used</th><th scope="col" class="figure">Cost</th></tr></thead>
        <tbody>${usage.map((used) => html`<tr>
          <td>${PARTS[used.part] || used.part}${used.estimated && html` <span class="tag">estimate</span>`}<br /><small>${used.model}</small></td>
          <td><small>${number.format(used.requests || 0)} ${used.requests === 1 ? "request" : "requests"}${amounts(used) && `: ${amounts(used)}`}</small></td>
          <td class="figure">${money(used.cost_usd)}</td></tr>`)}</tbody>
        <tfoot><tr><th scope="row" colspan="2">In all</th><td class="figure"><strong>${money(record.cost_usd)}</strong></td></tr></tfoot>
      </table></div>
      ${record.cost_estimated_usd > 0 && html`<p><small>${money(record.cost_estimated_usd)} of it is an estimate: of those requests the
        server told no amounts.</small></p>`}
      ${(record.cost_usd === null || record.cost_usd === undefined) && html`<p><small>The price of some of it is not known: see PRICES_FILE.</small></p>`}`}
    </section>`;
}
