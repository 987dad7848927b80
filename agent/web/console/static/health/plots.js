// What is drawn: endings, latency, the last hour, spending.
import { millis, money } from "../format.js";
import { inWords } from "../parts/endings.js";
import { Bars, Columns, Line, Ranges } from "../parts/plot.js";
import { html, useState } from "../ui.js";
import { Card } from "./cards.js";

const GOOD = new Set(["caller hung up", "agent said goodbye", "transferred"]);
const BAD = new Set(["failed", "interrupted", "connection lost"]);
const HOUR_S = 3600;

export function Endings({ endings }) {
  const [today, choose] = useState(true);
  const found = today ? endings.today : endings.since_start;
  const rows = Object.entries(found || {}).sort(([, a], [, b]) => b - a).map(([ending, value]) => ({
    label: inWords(ending), value, text: String(value), kind: GOOD.has(ending) ? "good" : BAD.has(ending) ? "bad" : "",
  }));
  return html`<${Card} title="Calls by ending">
    <div class="row choice" role="group" aria-label="Which calls">
      <button aria-pressed=${String(today)} onClick=${() => choose(true)}>Today</button>
      <button aria-pressed=${String(!today)} onClick=${() => choose(false)}>Since the start</button>
    </div>
    ${found === null ? html`<p class="warn">The store does not answer.</p>`
      : rows.length ? html`<${Bars} says=${`Calls by ending: ${rows.map((row) => `${row.label} ${row.text}`).join(", ")}`} head=${["Ending", "Calls"]} rows=${rows} />`
      : html`<p class="dim">No call is over yet.</p>`}
  </${Card}>`;
}

export function Latency({ latency }) {
  if (latency === null) return html`<${Card} title="From the last word to the answer"><p class="warn">The store does not answer.</p></${Card}>`;
  if (!latency.turns) return html`<${Card} title="From the last word to the answer"><p class="dim">No turn has been answered yet.</p></${Card}>`;
  const rows = latency.stages.map(({ stage, ...figures }) => ({ label: stage, ...figures }));
  const answer = rows[rows.length - 1];
  const slow = latency.slowest;
  const columns = latency.spread.map((value, n) => ({ label: `${(n / 10).toFixed(1)} s`, value }));
  const of = `${latency.turns} turns of the newest ${latency.calls} calls`;
  return html`
    <${Card} title="From the last word to the answer"
      hint=${html`The dot is the median, the thick line ends at 95 of 100 turns, the thin one at 99. Slowest: ${millis(slow.answer_ms)},
        mostly ${slow.stage}, in <a href=${`#/calls/${slow.call_sid}`}>turn ${slow.turn} of this call</a>.`}>
      <${Ranges} says=${`By stage, ${of}: median of the answer ${millis(answer.p50)}, 95 % within ${millis(answer.p95)}`} rows=${rows} unit=${millis} />
    </${Card}>
    <${Card} title="How answers spread" hint=${`${of}, by time to the first audio; the last column has all above.`}>
      <${Columns} says=${`Answers by time to the first audio, ${of}`} head=${["From", "Turns"]} columns=${columns} />
    </${Card}>`;
}

export function Past({ past }) {
  const told = (of) => past.map((beat) => ({ ago_s: beat.ago_s, value: of(beat) }));
  if (!past.length) return html`<${Card} title="The last hour"><p class="dim">It is told from ten seconds after the start.</p></${Card}>`;
  const span_s = Math.min(HOUR_S, Math.max(600, Math.ceil(past[0].ago_s / 600) * 600));
  const most = (of) => Math.max(...past.map(of));
  const whole = (value) => String(Math.round(value * 10) / 10);
  const percent = (value) => `${Math.round(value * 100)} %`;
  return html`
    <${Card} title="Calls at a time">
      <${Line} says=${`Calls at a time, at most ${most((beat) => beat.calls)}`} head=${["When", "Calls"]} points=${told((beat) => beat.calls)} span_s=${span_s} unit=${whole} />
    </${Card}>
    <${Card} title="Load of this process" hint="One core is all that a process can use: more calls take more workers.">
      <${Line} says=${`Share of a core, at most ${percent(most((beat) => beat.busy))}`} head=${["When", "Busy"]} points=${told((beat) => beat.busy)} span_s=${span_s} unit=${percent} />
    </${Card}>
    <${Card} title="Longest wait for a turn in the loop" hint="All calls of the process wait meanwhile.">
      <${Line} says=${`Longest wait, at most ${millis(most((beat) => beat.lag_ms))}`} head=${["When", "Wait"]} points=${told((beat) => beat.lag_ms)} span_s=${span_s} unit=${millis} least=${10} />
    </${Card}>`;
}

export function Spend({ spend }) {
  if (!spend.budgets.length) {
    return html`<${Card} title="Spending against caps"><p class="dim">No cap is set: <code>DAY_BUDGET</code>, <code>CALL_BUDGET</code>.</p></${Card}>`;
  }
  const rows = spend.budgets.map((pot) => ({
    label: pot.budget, value: pot.spent_usd, most: pot.cap_usd,
    text: `${money(pot.spent_usd)} of ${money(pot.cap_usd)}`, kind: pot.spent_usd > 0.8 * pot.cap_usd ? "bad" : "",
  }));
  const away = spend.budgets.some((pot) => pot.store !== "answers");
  return html`<${Card} title="Spending against caps">
    <${Bars} says=${rows.map((row) => `${row.label}: ${row.text}`).join(", ")} head=${["Budget", "Spent"]} rows=${rows} />
    ${away && html`<p class="warn">The budgets' store does not answer: what is in hand must do.</p>`}
  </${Card}>`;
}
