// Captions: what is being said, as it is said.
import { millis, seconds } from "../format.js";
import { turnsOf } from "../parts/stages.js";
import { html, useEffect, useRef } from "../ui.js";
import { parts } from "./talk.js";

function Latency({ stages }) {
  const [turn] = turnsOf([stages]);
  const { slowest } = turn;
  return html`<small class="latency" title="From your last word to the first audio of the answer">
    <b class="figure">${seconds(turn.total_ms)}</b> · slowest: ${slowest.title.toLowerCase()}, ${millis(slowest.ms)}</small>`;
}

function Caller({ line }) {
  return html`<li class=${`caller ${line.state} ${line.aside ? "aside" : ""}`} aria-live=${line.state === "partial" ? "off" : undefined}>
    <span class="unseen">You: </span>
    <p>${line.keys ? html`<span class="tag">keys</span> <b class="figure">${line.keys}</b>` : line.text}${line.state === "partial" && html`<i class="more" aria-hidden="true">…</i>`}</p>
    ${line.aside && html`<small>only shows that you listen</small>`}
  </li>`;
}

function Agent({ line, name }) {
  const { heard, coming, gone } = parts(line);
  if (!(heard || coming || gone)) return null;
  return html`<li class="agent">
    <span class="unseen">${name}: </span>
    <p>${heard}${coming && html` <span class="coming">${coming}</span>`}${gone && html` <span class="unseen">Cut off here. Would have said: </span><s>${gone}</s>`}</p>
    ${gone && html`<small>interrupted: what is struck was not heard</small>`}
    ${line.stages && html`<${Latency} stages=${line.stages} />`}
  </li>`;
}

// `name` is the agent's.
export function Bubbles({ captions, name }) {
  const list = useRef(null);
  const follows = useRef(true);
  const lines = captions ? captions.talk.shown() : [];
  useEffect(() => {
    if (follows.current && list.current) list.current.scrollTop = list.current.scrollHeight;
  });
  return html`<div class="bubbles" ref=${list} role="log" aria-live="polite" aria-relevant="additions text" aria-label="What is being said" tabindex="0"
      onScroll=${({ target }) => { follows.current = target.scrollHeight - target.scrollTop - target.clientHeight < 40; }}><ol>
    ${lines.map((line) => {
      if (line.role === "caller") return html`<${Caller} key=${line.key} line=${line} />`;
      if (line.role === "agent") return html`<${Agent} key=${line.key} line=${line} name=${name} />`;
      return html`<li key=${line.key} class="note"><small>${line.text}</small></li>`;
    })}
  </ol></div>`;
}
