// One call that is over, or as far as it has come: what happened, why it scored, what was slow, what it cost.
import { Problem, get } from "../api.js";
import { now } from "../clock.js";
import { duration, money, person, when } from "../format.js";
import { Cost } from "../history/cost.js";
import { Downloads } from "../history/downloads.js";
import { Erase } from "../history/erase.js";
import { placed } from "../history/evidence.js";
import { Glance } from "../history/glance.js";
import { Legs, StandIns } from "../history/legs.js";
import { marksOn } from "../history/marks.js";
import { Player } from "../history/player.js";
import { Score, Told } from "../history/score.js";
import { useFrames, useSound } from "../history/sound.js";
import { ended, factName, gaps, lost, other, outbound, reason } from "../history/words.js";
import { Timeline, momentsOf } from "../parts/timeline.js";
import { Transcript, lineAt, linesOf } from "../parts/transcript.js";
import { Waterfall } from "../parts/waterfall.js";
import { html, useEffect, useMemo, useState } from "../ui.js";

const AGAIN_MS = 3000;
const LATE_MS = 60_000; // by then whoever writes the score, the summary and the sound has done so

// What is still to come of a record is looked for again.
const unfinished = (record, about) =>
  !record.ending || (now() - Date.parse(record.ended_at) < LATE_MS && (!record.lead || (about.records_sound && !record.recording)));

function useRecord(sid, about) {
  const [record, show] = useState(null);
  const [problem, fail] = useState(null);
  useEffect(() => {
    let timer;
    const stop = new AbortController();
    const look = async () => {
      try {
        const found = await get(`api/calls/${encodeURIComponent(sid)}`, {}, stop.signal);
        show(found);
        fail(null);
        if (unfinished(found, about)) timer = setTimeout(look, AGAIN_MS);
      } catch (error) {
        if (error.name === "AbortError") return;
        if (!(error instanceof Problem)) throw error;
        fail(error);
        if (error.status === 0 || error.status >= 500) timer = setTimeout(look, AGAIN_MS); // a server that begins anew
      }
    };
    show(null);
    fail(null);
    look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [sid]);
  return [record, problem];
}

export default function Record({ sid, back, about, session }) {
  const [record, problem] = useRecord(sid, about);
  const fault = problem && html`<p class="fault" role="alert">${problem.status === 404
    ? `There is no call ${sid}: it was erased, or has been removed by its age.` : problem.message}</p>`;
  if (!record || problem?.status === 404) {
    return html`<p class="crumb"><a href=${back}>← All calls</a></p><h1>Call</h1>
      ${fault || html`<p class="dim" role="status">Fetching the call…</p>`}`;
  }
  return html`${fault}<${Shown} record=${record} back=${back} about=${about} session=${session} />`;
}

function Shown({ record, back, about, session }) {
  const sound = useSound(record);
  const [chosen, mark] = useState("");
  const [follows, follow] = useState(true);
  const [current, speak] = useState(null);
  const lines = useMemo(() => linesOf(record), [record]);
  const between = useMemo(() => gaps(record), [record]);
  const moments = useMemo(() => momentsOf(record), [record]);
  const all = useMemo(() => placed(record.entries, told(record)), [record]);
  const places = new Map(all.map((fact) => [fact.id, fact]));
  const lead = record.lead;
  const length = Math.max(record.duration_ms, sound.peaks.ms, ...record.entries.map((entry) => entry.end_ms), 1);

  useFrames(sound.playing, () => {
    const begun = sound.playing || sound.at() > 0; // else nothing is heard yet
    speak(begun ? (lineAt(lines, sound.at())?.key ?? null) : null);
  }, [lines, sound.moved]);
  useEffect(() => {
    if (sound.playing && follows && current) reveal(current, "nearest");
  }, [current]);
  const go = (n) => reveal(lines[n].key, "center", true);
  const choose = (fact) => {
    mark(fact.id);
    go(fact.line);
  };
  const marked = useMemo(() => {
    const marks = new Map(lines.map((line, n) => [line, marksOn(line.text, all.filter((fact) => fact.line === n), chosen)]));
    return (line) => marks.get(line);
  }, [lines, all, chosen]);
  const before = useMemo(() => {
    const first = new Map(between.map((gap) => [lines[gap.entry], gap]));
    return (line) => first.has(line) && html`<li class="between" key=${`before-${line.key}`}><span>${lost(first.get(line))}</span></li>`;
  }, [lines, between]);
  const heard = (ms) => {
    const line = lineAt(lines, ms);
    return line ? `${line.role} speaks: ${line.text}` : "";
  };
  const cuts = record.entries.filter((entry) => entry.interrupted).map((entry) => entry.end_ms);
  const timed = record.recording && (record.turns || []).every((turn) => turn.said_ms !== undefined && turn.said_ms !== null);
  const from = useMemo(() => (record.recording ? (line) => sound.from(line.start_ms) : undefined), [record.recording]);
  const time = useMemo(() => html`<${Timeline} key=${record.duration_ms} moments=${moments} end_ms=${length} pick=${from && ((moment) => sound.from(moment.from_ms))} />`, [moments, length, from]);
  const waterfall = useMemo(() => html`<${Waterfall} turns=${record.turns} pick=${timed ? (turn) => sound.from(turn.said_ms) : undefined} />`, [record, timed]);
  return html`
    <p class="crumb"><a href=${back}>← All calls</a></p>
    <${Head} record=${record} />
    ${!record.ending && html`<p class="warn goes-on">This call goes on. <a href=${`#/live/${record.call_sid}`}>Watch it live</a></p>`}
    ${record.summary && html`<p class="summary">${record.summary}</p>`}
    <${Glance} record=${record} gaps=${between} go=${go} />
    ${record.recording
      ? html`<${Player} sound=${sound} length=${length} gaps=${between} cuts=${cuts} told=${heard} follows=${follows} follow=${follow} />`
      : html`<p class="card dim">${silent(record, about)}</p>`}
    <div class="halves">
      <div class="stack side">
        <section class="card" aria-labelledby="said"><h2 id="said">What was said</h2>
          <${Transcript} lines=${lines} pick=${from} current=${current} marked=${marked} before=${before} /></section>
        <section class="card line-of-time" aria-labelledby="time"><h2 id="time">Line of time</h2>
          ${time}</section>
      </div>
      <div class="stack side">
        ${lead && html`<${Score} lead=${lead} places=${places} choose=${choose} chosen=${chosen} />`}
        <${Facts} facts=${facts(record)} counted=${lead ? lead.points : []} places=${places} choose=${choose} />
        ${(record.turns || []).length > 0 && html`<section class="card" aria-labelledby="latency"><h2 id="latency">Time of each answer</h2>
          ${waterfall}</section>`}
        <${Cost} record=${record} />
        <${Legs} record=${record} gaps=${between} />
        <${StandIns} record=${record} />
      </div>
    </div>
    <div class="columns foot"><${Downloads} record=${record} /><${Erase} record=${record} session=${session} /></div>`;
}

function Head({ record }) {
  return html`
    <header class="call">
      <div>
        <h1>${outbound(record) ? "Call to " : ""}${person(other(record))}</h1>
        <p class="meta">${when(record.started_at)} · <span class="figure">${duration(record.duration_ms)}</span> · ${ended(record)}${
          record.campaign && html` · ${record.campaign}`}${record.language && html` · ${record.language}`}</p>
        ${reason(record) && html`<p class="meta dim">${reason(record)}</p>`}
        ${record.purpose && html`<p class="meta">Purpose: ${record.purpose}</p>`}
      </div>
      <dl class="sums">
        ${record.lead && html`<div><dt>Score</dt><dd>${record.lead.score}<small>/100</small></dd></div>`}
        <div><dt>Cost</dt><dd>${money(record.cost_usd)}</dd></div>
      </dl>
    </header>`;
}

// Goes there without a jump of the whole page where it is in sight.
function reveal(key, block, focus = false) {
  const line = document.getElementById(`line-${key}`);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  line?.scrollIntoView({ block, behavior: calm ? "auto" : "smooth" });
  if (focus) line?.focus({ preventScroll: true });
}

const facts = (record) =>
  record.lead ? record.lead.facts : Object.entries(record.facts || {}).map(([fact, value]) => ({ fact, value }));

// All that has words in the transcript; a line of the score's may be a part of a fact, as each objection is.
const told = (record) => {
  const seen = new Map([...facts(record), ...(record.lead?.points || [])].map((each) => [`${each.fact}: ${each.value}`, each]));
  return [...seen.values()];
};

const silent = (record, about) =>
  !about.records_sound ? "There is no sound of this call: calls are not recorded here. RECORD_CALLS=on does, and tells the caller."
    : record.ending ? "There is no sound of this call: the caller had not heard the notice, or it is not stored yet."
      : "Its sound can be heard here once the call is over.";

// Those that have a line in the score are not told twice.
function Facts({ facts: known, counted, places, choose }) {
  const others = known.filter(({ fact }) => counted.every((each) => each.fact !== fact));
  if (!others.length) return null;
  return html`
    <section class="card" aria-labelledby="facts"><h2 id="facts">${counted.length ? "Also told, without points" : "What the caller told"}</h2>
      <ul class="plain">${others.map((fact) => html`<li><${Told} fact=${fact} place=${places.get(`${fact.fact}: ${fact.value}`)} choose=${choose}
        label=${`${factName(fact.fact)}: ${fact.value}`} /></li>`)}</ul></section>`;
}
