// What is told in words: the server, what the doctor sees, providers, where records are.
import { duration } from "../format.js";
import { html } from "../ui.js";

const SIGNS = { fine: "✓", warning: "!", failure: "✕", unknown: "?" };

export function Card({ title, hint, children }) {
  return html`<section class="card"><h2>${title}</h2>${children}${hint && html`<p class="hint">${hint}</p>`}</section>`;
}

export function Process({ process }) {
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

export function Findings({ findings }) {
  return html`<${Card} title="What the doctor sees" hint=${html`<code>calling-agent doctor</code> also measures the providers.`}>
    <ul class="findings">${findings.map((each) => html`
      <li class=${each.state}><span class="sign" aria-hidden="true">${SIGNS[each.state]}</span>
        <div><strong>${each.name}</strong> <span class="word">${each.state}</span><br />${each.says}${each.do && html`<br /><em>${each.do}</em>`}</div>
      </li>`)}</ul>
  </${Card}>`;
}

export function Providers({ breakers }) {
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

export function Kept({ kept }) {
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
