// The media streams of a call, and what came between them; what stood in for whom.
import { duration, seconds } from "../format.js";
import { html } from "../ui.js";

const WHY = { "hand-off": "handed off to another process", "connection lost": "the connection was lost", "process gone": "its process was gone" };

export function Legs({ record, gaps }) {
  if (record.legs.length < 2) return null;
  return html`
    <section class="card" aria-labelledby="legs">
      <h2 id="legs">${record.legs.length} media streams</h2>
      <ol class="legs">${record.legs.map((leg, n) => html`<li>
        <strong>${duration(leg.began_ms || 0)} – ${leg.ended_ms === undefined || leg.ended_ms === null ? "?" : duration(leg.ended_ms)}</strong>${" "}
        <small>process <code>${leg.process}</code></small>
        ${leg.why && html`<br /><span class="warn-ink">Then ${WHY[leg.why] || leg.why}${gaps[n] && `: nobody was heard for ${seconds(Math.max(0, gaps[n].to - gaps[n].from))}`}.</span>`}
      </li>`)}</ol>
    </section>`;
}

const PART = { stt: "hearing", llm: "thinking", tts: "speaking", summary: "the summary" };

export function StandIns({ record }) {
  const all = record.stand_ins || [];
  if (!all.length) return null;
  return html`
    <section class="card" aria-labelledby="stand-ins">
      <h2 id="stand-ins">Who stood in</h2>
      <ul class="plain">${all.map((one) => html`<li><span class="figure">${duration(one.at_ms)}</span> <strong>${one.name}</strong> for ${PART[one.part] || one.part}${" "}
        ${one.why && html`<small> as the first was ${one.why}</small>`}</li>`)}</ul>
    </section>`;
}
