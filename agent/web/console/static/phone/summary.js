// What is left of a call, and where all of it is.
import { duration, money, seconds } from "../format.js";
import { ended } from "../history/words.js";
import { turnsOf } from "../parts/stages.js";
import { html } from "../ui.js";
import { median } from "./talk.js";

// From a record, or from the moments where there is none yet.
export function figuresOf(state) {
  const record = state.captions?.record;
  const stages = (state.captions?.talk.lines || []).map((line) => line.stages).filter(Boolean);
  const turns = turnsOf(record?.turns?.length ? record.turns : stages);
  return {
    duration_ms: (state.captions?.finished && record.duration_ms) || state.ended - state.began, // until then a record lags behind
    turns: turns.length,
    median_ms: median(turns.map((turn) => turn.total_ms)),
    cost_usd: record?.cost_usd ?? null,
    score: record?.lead?.score ?? null,
    barge_ins: record?.barge_ins ?? null,
    ending: record?.ending || "",
  };
}

export function Summary({ state }) {
  const found = figuresOf(state);
  return html`<section class="outcome" aria-label="The call that is over">
    <dl>
      <div><dt>Duration</dt><dd class="figure">${duration(found.duration_ms)}</dd></div>
      <div><dt>Answers</dt><dd class="figure">${found.turns}</dd></div>
      <div><dt>Median latency</dt><dd class="figure">${seconds(found.median_ms)}</dd></div>
      <div><dt>Cost</dt><dd class="figure">${money(found.cost_usd)}</dd></div>
      <div><dt>Lead score</dt><dd class="figure">${found.score ?? "–"}</dd></div>
      <div><dt>Barge-ins</dt><dd class="figure">${found.barge_ins ?? "–"}</dd></div>
    </dl>
    ${found.ending && html`<p class="dim">${ended(found)}.</p>`}
    ${state.captions?.finished
      ? html`<a class="button" href=${`#/calls/${state.callSid}`}>The whole call</a>`
      : state.captions && html`<small role="status">Its record is being finished…</small>`}
  </section>`;
}
