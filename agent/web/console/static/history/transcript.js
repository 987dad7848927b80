// What was said, as the caller heard it. The line that is spoken just now is marked, a fact's words are, too.
import { duration } from "../format.js";
import { html } from "../ui.js";
import { pieces } from "./evidence.js";
import { factName, lost, unheard } from "./words.js";

export const lineId = (n) => `line-${n}`;

// `facts` are those that have a place (see `placed`); `chosen` is the id of one of them.
export function Transcript({ entries, gaps, facts, chosen, speaking, from }) {
  return html`
    <ol class="said">
      ${entries.map((entry, n) => html`
        ${gaps.filter((gap) => gap.to <= entry.start_ms && (n === 0 || gap.to > entries[n - 1].start_ms)).map((gap) => html`
          <li class="between"><span>${lost(gap)}</span></li>`)}
        <${Line} key=${n} n=${n} entry=${entry} speaking=${speaking.has(n)} from=${from} chosen=${chosen}
          facts=${facts.filter((fact) => fact.line === n)} />`)}
    </ol>`;
}

function Line({ n, entry, speaking, from, facts, chosen }) {
  if (entry.role === "tool") return html`<${Tool} n=${n} entry=${entry} />`;
  const rest = unheard(entry);
  const whole = facts.some((fact) => fact.id === chosen && fact.from === undefined);
  const who = entry.role === "caller" ? "Caller" : "Agent";
  const play = () => from && getSelection().isCollapsed && from(entry.start_ms);
  return html`
    <li id=${lineId(n)} class=${`line ${entry.role} ${speaking ? "now" : ""} ${whole ? "whole" : ""} ${from ? "plays" : ""}`}
      aria-current=${speaking ? "true" : undefined} tabindex="-1">
      ${from
        ? html`<button class="quiet at figure" onClick=${() => from(entry.start_ms)} aria-label=${`Play from ${duration(entry.start_ms)}, ${who}`}>${duration(entry.start_ms)}</button>`
        : html`<span class="at figure dim">${duration(entry.start_ms)}</span>`}
      <div class="words" onClick=${play}>
        <span class="who">${who}${entry.aside && html` <small>(listening)</small>`}${entry.interrupted && html` <span class="tag cut">interrupted</span>`}</span>
        <p>${entry.text && pieces(entry.text, facts.filter((fact) => fact.from !== undefined)).map((piece) =>
            piece.spans.length ? html`<${Marked} piece=${piece} chosen=${chosen} />` : piece.text)}
          ${entry.keys && html`<span class="tag">pressed ${entry.keys}</span>`}
          ${rest && html` <span class="unheard"><span class="unseen">Cut short here. Would have said: </span><s>${rest}</s></span>`}</p>
      </div>
    </li>`;
}

function Marked({ piece, chosen }) {
  const on = piece.spans.find((fact) => fact.id === chosen);
  const names = [...new Set(piece.spans.map((fact) => factName(fact.fact)))].join(", ");
  return html`<mark class=${on ? "chosen" : ""} title=${names}>${piece.text}${on && html`<small class="of">${factName(on.fact)}</small>`}</mark>`;
}

function Tool({ n, entry }) {
  return html`
    <li id=${lineId(n)} class="line tool" tabindex="-1">
      <span class="at figure dim">${duration(entry.start_ms)}</span>
      <details class="words"><summary>Tool <code>${entry.tool}</code></summary>
        <dl class="pairs"><dt>asked with</dt><dd><code>${entry.arguments || "nothing"}</code></dd>
          <dt>answered</dt><dd><code>${entry.text || "nothing"}</code></dd></dl></details>
    </li>`;
}
