// How the server stands, looked at anew every few seconds for as long as somebody can see it.
import { Problem, get } from "../api.js";
import { duration, millis, money } from "../format.js";
import { Bars, Columns, Line, Ranges } from "../parts/plot.js";
import { html, useEffect, useState } from "../ui.js";

const AGAIN_MS = 5000;
const GOOD = new Set(["caller hung up", "agent said goodbye", "transferred"]);
const BAD = new Set(["failed", "interrupted", "connection lost"]);
const SIGNS = { fine: "✓", warning: "!", failure: "✕", unknown: "?" };
const HOUR_S = 3600;

function useStanding() {
  const [standing, tell] = useState(null);
  const [fault, fail] = useState("");
  useEffect(() => {
    let timer;
    let over = false;
    const look = async () => {
      clearTimeout(timer);
      if (document.hidden) return; // looked at again when it is seen
      try {
        const found = await get("api/standing");
        if (over) return;
        tell({ ...found, at: new Date() });
        fail("");
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (!over) fail(error.message);
      }
      if (!over) timer = setTimeout(look, AGAIN_MS);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return [standing, fault];
}

function Card({ title, hint, children }) {
  return html`<section class="card"><h2>${title}</h2>${children}${hint && html`<p class="hint">${hint}</p>`}</section>`;
}

function Process({ process }) {
  const { draining, draining_s: since, drain_limit_s: limit } = process;
  const state = draining
    ? ["warn", `Leaving: ${Math.round(since)} s of at most ${Math.round(limit)} s`]
    : process.accepting ? ["good", "Taking calls"] : ["bad", "Taking no calls"];
  const facts = [
    ["Calls", `${process.calls} of ${process.most}${process.promised ? `, ${process.promised} about to connect` : ""}`],
    ["Up", duration(process.up_s * 1000)],
    ["Version", process.version],
    ["Process", process.workers > 1 ? `worker ${process.name} of ${process.workers}` : process.name],
    ["Hears with", process.providers.stt],
    ["Thinks with", process.providers.llm],
    ["Speaks with", process.providers.tts],
    ["In a deploy", process.drain_mode === "wait" ? "calls are waited for" : "calls are handed to the next process"],
  ];
  return html`<${Card} title="The server">
    <p class=${`state ${state[0]}`}>${state[1]}</p>
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value || "–"}</dd></div>`)}</dl>
  </${Card}>`;
}

function Findings({ findings }) {
  return html`<${Card} title="What the doctor sees" hint=${html`<code>calling-agent doctor</code> also measures the providers.`}>
    <ul class="findings">${findings.map((each) => html`
      <li class=${each.state}><span class="sign" aria-hidden="true">${SIGNS[each.state]}</span>
        <div><strong>${each.name}</strong> <span class="word">${each.state}</span><br />${each.says}${each.do && html`<br /><em>${each.do}</em>`}</div>
      </li>`)}</ul>
  </${Card}>`;
}

function EndingsCard({ endings }) {
  const [today, choose] = useState(true);
  const found = today ? endings.today : endings.since_start;
  const rows = Object.entries(found || {}).sort(([, a], [, b]) => b - a).map(([label, value]) => ({
    label, value, text: String(value), kind: GOOD.has(label) ? "good" : BAD.has(label) ? "bad" : "",
  }));
  return html`<${Card} title="Calls by ending">
    <div class="row choice" role="group" aria-label="Which calls">
      <button aria-pressed=${String(today)} onClick=${() => choose(true)}>Today</button>
      <button aria-pressed=${String(!today)} onClick=${() => choose(false)}>Since this process started</button>
    </div>
    ${found === null ? html`<p class="warn">The store does not answer.</p>`
      : rows.length ? html`<${Bars} says=${`Calls by ending: ${rows.map((row) => `${row.label} ${row.text}`).join(", ")}`} head=${["Ending", "Calls"]} rows=${rows} />`
      : html`<p class="dim">No call is over yet.</p>`}
  </${Card}>`;
}

function Latency({ latency }) {
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
    <${Card} title="How answers spread" hint=${`${of}, by time to the first sound; the last column has all above.`}>
      <${Columns} says=${`Answers by time to the first sound, ${of}`} head=${["From", "Turns"]} columns=${columns} />
    </${Card}>`;
}

function Past({ past }) {
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

function SpendCard({ spend }) {
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

function Providers({ breakers }) {
  const words = { closed: "asked", open: "not asked", "half-open": "being tried" };
  return html`<${Card} title="Providers">
    ${breakers.length === 0 ? html`<p class="dim">No provider outside this machine has been asked yet.</p>` : html`
      <div class="scroll" tabindex="0" role="group" aria-label="Providers"><table>
        <thead><tr><th scope="col">Part</th><th scope="col">Provider</th><th scope="col">State</th></tr></thead>
        <tbody>${breakers.map((each) => html`<tr><td>${each.part}</td><td>${each.provider}</td>
          <td class=${each.state === "closed" ? "" : "trouble"}>${words[each.state]}${each.asked_in_s ? ` for ${Math.ceil(each.asked_in_s)} s` : ""}
            ${each.fault && each.state !== "closed" ? ` (${each.fault})` : ""}</td></tr>`)}</tbody>
      </table></div>`}
  </${Card}>`;
}

function KeptCard({ kept }) {
  const facts = [
    ["Store", `${kept.store}${kept.answers ? "" : ": does not answer"}`],
    ["Records it does not have yet", `${kept.records_waiting}${kept.records_waiting ? `, the oldest for ${Math.round(kept.behind_s)} s` : ""}`],
    ["Journal", kept.journal_fault || `${(kept.journal_bytes / 1e6).toFixed(1)} MB, written ${kept.journal_behind_s ? `${kept.journal_behind_s} s behind` : "up to now"}`],
  ];
  return html`<${Card} title="What is kept">
    ${kept.journal_fault && html`<p class="fault">Nothing can be written down: ${kept.journal_fault}</p>`}
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  </${Card}>`;
}

export default function Page() {
  const [standing, fault] = useStanding();
  const trouble = standing?.findings.some((each) => each.state !== "fine"); // then it comes before figures
  return html`
    <div class="row spread"><h1>Health</h1>${standing && html`<small class="figure">as of ${standing.at.toLocaleTimeString()}</small>`}</div>
    ${fault && html`<p class="fault" role="alert">${fault}${standing && " Below is how it was."}</p>`}
    ${standing && html`<div class="health">
      <${Process} process=${standing.process} />
      ${trouble && html`<${Findings} findings=${standing.findings} />`}
      <${Latency} latency=${standing.latency} />
      <${EndingsCard} endings=${standing.endings} />
      ${!trouble && html`<${Findings} findings=${standing.findings} />`}
      <${Past} past=${standing.past} />
      <${SpendCard} spend=${standing.spend} />
      <${Providers} breakers=${standing.breakers} />
      <${KeptCard} kept=${standing.kept} />
    </div>`}`;
}
