// The calls that go on now; `#/live/CA...` is one of them.
import { address } from "../api.js";
import { follow } from "../follow.js";
import { money } from "../format.js";
import { useBatched } from "../live/batch.js";
import { Empty, Over } from "../live/beside.js";
import { COLUMNS, NONE, all, changed, counted, rows, seen, STATES } from "../live/list.js";
import { person } from "../live/names.js";
import { Ticking } from "../live/ticking.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../ui.js";
import LiveCall from "./live_call.js";

const VIRTUAL = 200; // rows from which only those are made that are seen

function Row({ call }) {
  return html`
    <th role="rowheader" scope="row" class="who"><a href=${`#/live/${call.call_sid}`}>${person(call)}</a>
      ${call.direction.startsWith("outbound") && html`<small class="out" title="called by us"><span aria-hidden="true">↗</span><span class="unseen">called by us</span></small>`}</th>
    <td role="cell" class="line">${call.line}${call.language && html` <small>${call.language}</small>`}</td>
    <td role="cell" class="state"><span class=${`tag state-${call.state}`}>${STATES[call.state] || call.state}</span></td>
    <td role="cell" class="figure duration"><${Ticking} since=${call.started_at} /></td>
    <td role="cell" class="figure score" data-title="Score">${call.score ?? "–"}</td>
    <td role="cell" class="figure cost" data-title="Cost">${money(call.cost_usd)}</td>
    <td role="cell" class="figure turns" data-title="Turns">${call.turns}</td>
    <td role="cell" class="figure barge-ins" data-title="Barge-ins">${call.barge_ins}</td>
    <td role="cell" class="last">${call.last && html`<span><b class="unseen">${call.last.role === "agent" ? "Agent" : "Caller"}:</b>
      <i class=${call.last.role} aria-hidden="true"></i>${call.last.text}</span>`}</td>`;
}

// A row of a call that has not changed is the same tree, which is not looked at again.
const drawn = new WeakMap();
function row(call) {
  if (!drawn.has(call)) drawn.set(call, html`<tr key=${call.call_sid} role="row"><${Row} call=${call} /></tr>`);
  return drawn.get(call);
}

function Heads({ sort, by }) {
  return html`<thead role="rowgroup"><tr role="row">${COLUMNS.map((column) => html`
    <th key=${column.name} role="columnheader" scope="col" class=${column.figure ? `figure ${column.name}` : column.name}
        aria-sort=${sort.by === column.name ? (sort.down ? "descending" : "ascending") : undefined}>
      ${column.by ? html`<button class="quiet" onClick=${() => by(column)}>${column.title}
        <span aria-hidden="true">${sort.by === column.name ? (sort.down ? "↓" : "↑") : ""}</span></button>` : column.title}
    </th>`)}</tr></thead>`;
}

function Table({ found, sort, by }) {
  const body = useRef(null);
  const [tall, measure] = useState(48);
  const [top, scroll] = useState(0);
  const virtual = found.length > VIRTUAL;
  useLayoutEffect(() => {
    const first = body.current.querySelector("tr:not(.spare)");
    if (first && Math.abs(first.offsetHeight - tall) > 1) measure(first.offsetHeight);
  });
  useEffect(() => {
    if (!virtual) return undefined;
    let frame = 0;
    const look = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        scroll(Math.max(0, -body.current.getBoundingClientRect().top));
      });
    };
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    look();
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [virtual]);
  const { first, last } = virtual ? seen(found.length, tall, top, innerHeight) : { first: 0, last: found.length };
  const spare = (key, count) => count > 0 && html`<tr key=${key} class="spare" aria-hidden="true"><td colspan=${COLUMNS.length} style=${{ height: `${count * tall}px` }}></td></tr>`;
  return html`<table role="table" class="calls-live" aria-rowcount=${virtual ? found.length + 1 : undefined}>
    <caption class="unseen">Calls that go on now</caption>
    <${Heads} sort=${sort} by=${by} />
    <tbody role="rowgroup" ref=${body}>
      ${spare("above", first)}
      ${found.slice(first, last).map(row)}
      ${spare("below", found.length - last)}
    </tbody></table>`;
}

function List() {
  const [connection, connect] = useState("waiting");
  const [known, know] = useState(false);
  const [sort, order] = useState({ by: "duration", down: true });
  const [words, search] = useState("");
  const shown = useRef(NONE);
  const draw = useBatched();
  useEffect(() => follow(address("api/live"), {
    calls: (data) => {
      shown.current = all(shown.current, data);
      know(true);
      draw();
    },
    changed: (data) => {
      shown.current = changed(shown.current, data);
      draw();
    },
  }, connect), []);
  const { current } = shown;
  const found = useMemo(() => rows(current, sort, words), [current, sort, words]);
  const by = (column) => order((before) => ({ by: column.name, down: before.by === column.name ? !before.down : Boolean(column.figure) }));
  const total = current.calls.size;
  return html`
    <div class="row spread live-head">
      <h1>Live calls</h1>${known && total > 0 && html`<span class="figure total">${total}</span>`}
      <div class="row counts">${counted(current).map(({ state, count }) => html`<span key=${state} class=${`tag state-${state}`}>${count} ${STATES[state]}</span>`)}</div>
      ${total > 0 && html`<label class="search"><span class="unseen">Find among live calls</span>
        <input type="search" placeholder="Number, line or words" value=${words} onInput=${(event) => search(event.target.value)} /></label>`}
    </div>
    ${connection === "waiting" && html`<p class="warn" role="status">Waiting for the server. ${known ? "What is shown may be old." : ""}</p>`}
    ${found.length > 0 && html`<div class="card flush"><${Table} found=${found} sort=${sort} by=${by} /></div>`}
    ${known && total === 0 && html`<${Empty} />`}
    ${total > 0 && found.length === 0 && html`<p class="card">No live call has these words. <button onClick=${() => search("")}>Show all ${total}</button></p>`}
    <${Over} calls=${current.over} />`;
}

export default function Page({ rest, about, session }) {
  return rest[0] ? html`<${LiveCall} key=${rest[0]} sid=${rest[0]} about=${about} session=${session} />` : html`<${List} />`;
}
