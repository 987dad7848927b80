// One call that goes on: what is said, the line of time, where the turns' time goes, and what can be done to it.
import { Problem, address, get } from "../api.js";
import { now } from "../clock.js";
import { follow } from "../follow.js";
import { duration } from "../format.js";
import { Actions } from "../live/actions.js";
import { useBatched } from "../live/batch.js";
import { Fold } from "../live/fold.js";
import { Lead } from "../live/lead.js";
import { Listen } from "../live/listen.js";
import { STATES } from "../live/list.js";
import { LANES } from "../live/spans.js";
import { person } from "../live/names.js";
import { Ticking } from "../live/ticking.js";
import { inWords } from "../parts/endings.js";
import { Timeline } from "../parts/timeline.js";
import { Transcript } from "../parts/transcript.js";
import { Waterfall } from "../parts/waterfall.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../ui.js";

const NEAR_END = 80; // so close to the end of what was said, one wants to see what comes

// The stream's events folded, and the call's clock.
function useCall(sid) {
  const fold = useMemo(() => new Fold(), [sid]);
  const clock = useRef(() => 0);
  const since = useRef("");
  const [connection, connect] = useState("waiting");
  const [missing, miss] = useState("");
  const draw = useBatched();
  useEffect(() => {
    let leave = () => {};
    const take = (name) => (data, event) => {
      fold.take(name, data, Number(event.lastEventId) || 0);
      draw();
    };
    leave = follow(address(`api/live/${encodeURIComponent(sid)}`), {
      call: (data, event) => {
        const now_ms = data.now_ms ?? now() - Date.parse(data.started_at);
        const began = performance.now() - now_ms;
        clock.current = () => performance.now() - began;
        since.current = new Date(now() - now_ms).toISOString();
        take("call")(data, event);
      },
      moment: take("moment"),
      record: take("record"),
      end: (data, event) => {
        const at = clock.current();
        clock.current = () => at;
        take("end")(data, event);
        leave(); // else it would be asked for again
        last().catch(() => {});
      },
    }, (state) => {
      connect(state);
      if (state === "waiting" && !fold.ending) look();
    });
    // The record as it is left behind: what the stream told of it may be a moment older.
    const last = async () => {
      for (let n = 0; n < 5; n += 1) {
        const record = await get(`api/calls/${encodeURIComponent(sid)}`);
        fold.take("record", record);
        draw();
        if (record.ending) return;
        await new Promise((go) => setTimeout(go, 1000));
      }
    };
    // A stream that does not begin does not say why.
    const look = () => get(`api/calls/${encodeURIComponent(sid)}`).then(
      (record) => {
        if (!record.ending) return;
        fold.take("record", record);
        fold.take("end", { ending: record.ending });
        leave();
        draw();
      },
      (error) => {
        if (!(error instanceof Problem && error.status === 404) || fold.call) return; // one hears of it where it counts
        leave();
        miss(error.message);
      },
    );
    return () => leave();
  }, [sid]);
  return { fold, clock: () => clock.current(), since: since.current, connection, missing };
}

// What grows is followed while its end is seen; whoever has scrolled up to read is left there.
function Growing({ lines }) {
  const box = useRef(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  });
  return html`<div class="growing" ref=${box} tabindex="0" role="region" aria-label="Transcript"
      onScroll=${() => { atEnd.current = box.current.scrollHeight - box.current.scrollTop - box.current.clientHeight < NEAR_END; }}>
    <${Transcript} lines=${lines} live=${true} /></div>`;
}

function Head({ call, since, fold, about, session }) {
  const { ending } = fold;
  return html`<header class="live-call-head">
    <p class="back"><a href="#/live">Live calls</a></p>
    <div class="row spread">
      <div><h1>${person(call)}</h1>
        <p class="row facts">
          <span class=${`tag ${ending ? "" : `state-${fold.state}`}`} data-state=${ending ? "over" : fold.state}>${ending ? "over" : STATES[fold.state] || fold.state}</span>
          ${!ending && html`<span class="figure"><${Ticking} since=${since || call.started_at} /></span>`}
          ${ending && fold.record && html`<span class="figure">${duration(fold.record.duration_ms)}</span>`}
          ${call.line && html`<span>${call.line}</span>`}${call.language && html`<span>${call.language}</span>`}
          <small><code>${call.call_sid}</code></small></p></div>
      ${!ending && html`<div class="row actions">
        ${about.records_sound && call.here !== false && html`<${Listen} sid=${call.call_sid} />`}
        <${Actions} call=${call} about=${about} session=${session} /></div>`}
    </div>
    ${ending && html`<p class="ended" role="status">This call is over: ${inWords(ending)}. <a class="button" href=${`#/calls/${call.call_sid}`}>See it in the history</a></p>`}
  </header>`;
}

export default function LiveCall({ sid, about, session }) {
  const { fold, clock, since, connection, missing } = useCall(sid);
  const lines = useMemo(() => fold.lines, [fold.version]);
  const moments = useMemo(() => fold.moments, [fold.version]);
  // What was said then: the last line that had begun.
  const show = (at_ms) => {
    const line = fold.lines.findLast((each) => each.role !== "tool" && each.start_ms <= at_ms);
    const shown = line && document.getElementById(`line-${line.key}`);
    shown?.focus({ preventScroll: true });
    shown?.scrollIntoView({ block: "center", behavior: "instant" });
  };
  const latency = useMemo(() => html`<${Waterfall} turns=${fold.turns} pick=${(turn) => turn.said_ms !== null && show(turn.said_ms)} />`, [fold.turns]);
  const call = fold.call || fold.record;
  if (missing) {
    return html`<h1>This call is not going on</h1><p>${missing} It may be over: look into the <a href=${`#/calls/${sid}`}>history</a>, or
      go to the <a href="#/live">live calls</a>.</p>`;
  }
  if (!call) return connection === "waiting" && html`<p class="dim" role="status">Waiting for the server.</p>`;
  return html`<div class="live-call">
    <${Head} call=${call} since=${since} fold=${fold} about=${about} session=${session} />
    ${connection === "waiting" && !fold.ending && html`<p class="warn" role="status">Waiting for the server. What is shown may be old.</p>`}
    ${call.state === "elsewhere" && !fold.ending && html`<p class="warn">Another process holds this call: what is shown is up to two seconds old, and there are no moments.</p>`}
    <section class="card" aria-labelledby="time"><h2 id="time">Line of time</h2>
      <${Timeline} key=${fold.ending ? "over" : "on"} moments=${moments} lanes=${LANES} pick=${(moment) => show(moment.from_ms)} clock=${fold.ending ? undefined : clock}
        end_ms=${fold.record?.duration_ms || clock()} /></section>
    <div class="two">
      <section class="card" aria-labelledby="said"><h2 id="said">What is said</h2><${Growing} lines=${lines} /></section>
      <div class="stack side">
        <section class="card" aria-labelledby="lead"><h2 id="lead">Lead</h2><${Lead} call=${call} record=${fold.record} over=${Boolean(fold.ending)} /></section>
        <section class="card" aria-labelledby="turns"><h2 id="turns">Latency by turn</h2>${latency}</section>
      </div>
    </div>
  </div>`;
}
