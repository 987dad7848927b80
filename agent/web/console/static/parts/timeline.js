// The line of time: lanes, zoom, and each moment told in words. Of a finished record: moments=${momentsOf(record)}
// end_ms=${record.duration_ms}; of a call that goes on, `clock` tells its time now, and the line follows it.
import { html, useMemo, useRef, useState } from "../ui.js";
import { LANES, inWords, momentsOf } from "./moments.js";
import { useBoard } from "./timeline_board.js";
import { AXIS, LANE, draw } from "./timeline_draw.js";
import { Rows } from "./timeline_table.js";
import { across, beside, following, hit, moved, showing, whole, zoomed } from "./timeline_view.js";

export { momentsOf };

const HINT = "Arrow keys go from moment to moment and from lane to lane, plus and minus zoom.";
const ACROSS = { ArrowUp: -1, ArrowDown: 1 };
const SIDES = ["caller", "agent"];
const STEPS = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

// `lanes`: names of lanes that are shown even when empty. `pick(moment)`: Enter, or a double click. `at_ms`: where sound plays.
export function Timeline({ moments, end_ms, clock, lanes: asked, pick, at_ms = null }) {
  const going = Boolean(clock);
  const [follows, follow] = useState(going);
  const [view, look] = useState(() => (going ? { from_ms: 0, span_ms: 30_000 } : whole(end_ms)));
  const [picked, choose] = useState(null);
  const [table, tabulate] = useState(false);
  const drag = useRef(null);
  const rows = useMemo(() => {
    const used = new Set(moments.map((moment) => moment.lane).concat(asked || SIDES));
    return LANES.filter((lane) => used.has(lane.name));
  }, [moments, asked]);
  const height = AXIS + rows.length * LANE;
  const told = moments.find((moment) => moment.key === picked);
  const moves = going && follows;
  const now = () => (going ? clock() : end_ms);
  const last = () => Math.max(now(), moments.at(-1)?.from_ms ?? 0);
  const seen = () => (moves ? following(view, now()) : view);
  const still = (next) => {
    look(next);
    follow(false);
  };
  const zoom = (factor, at) => {
    const from = seen();
    if (moves) look(zoomed(from, factor, now(), last()));
    else still(zoomed(from, factor, at ?? told?.from_ms ?? from.from_ms + from.span_ms / 2, last()));
  };
  const canvas = useBoard({
    height,
    moves,
    paint: (ctx, width, colours) => draw(ctx, width, { lanes: rows, moments, view: seen(), now_ms: now(), at_ms, picked, going }, colours),
    perPixel: (width) => view.span_ms / width,
    wheel: (event) => {
      if (event.ctrlKey) zoom(event.deltaY < 0 ? 1.25 : 0.8, timeAt(event)[0]);
      else still(moved(seen(), event.deltaX * timeAt(event)[2], last()));
    },
  });
  const timeAt = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const from = seen();
    const perPixel = from.span_ms / box.width;
    return [from.from_ms + (event.clientX - box.left) * perPixel, event.clientY - box.top, perPixel];
  };
  const pointed = (event) => {
    const [at, y, perPixel] = timeAt(event);
    if (drag.current) {
      const by = event.clientX - drag.current.x;
      if (Math.abs(by) > 3) still(moved(drag.current.view, -by * perPixel, last()));
      return;
    }
    const lane = rows[Math.floor((y - AXIS) / LANE)];
    const found = lane && hit(moments, lane.name, at, perPixel * 9, now());
    if (found) choose(found.key);
  };
  const grab = (event) => {
    pointed(event);
    drag.current = { x: event.clientX, view: seen() };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const drop = () => { drag.current = null; };
  const pressed = (event) => {
    let next = null;
    if (event.key in STEPS) next = beside(moments, picked, STEPS[event.key]);
    else if (event.key in ACROSS) next = across(moments, rows.map((lane) => lane.name), picked, ACROSS[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(2);
    else if (event.key === "-") zoom(0.5);
    else if (event.key === "Enter" && told) pick?.(told);
    else return;
    event.preventDefault();
    if (!next) return;
    choose(next.key);
    still(showing(seen(), next, last()));
  };

  return html`<div class="timeline">
    <div class="row controls">
      ${going && html`<button class="follow" onClick=${() => (follows ? still(seen()) : follow(true))}>${follows ? "Pause" : "Follow now"}</button>`}
      <button onClick=${() => zoom(2)} aria-label="Zoom in">+</button>
      <button onClick=${() => zoom(0.5)} aria-label="Zoom out">−</button>
      <button onClick=${() => still(whole(last()))}>Whole call</button>
      <button class="quiet" aria-expanded=${table ? "true" : "false"} onClick=${() => tabulate(!table)}>${table ? "Hide the table" : "As a table"}</button>
    </div>
    <div class="board">
      <div class="lanes" aria-hidden="true" style=${{ paddingTop: `${AXIS}px` }}>${rows.map((lane) => html`<span key=${lane.name} style=${{ height: `${LANE}px` }}>${lane.title}</span>`)}</div>
      <div class="view" role="application" tabindex="0" aria-label=${`Line of time. ${HINT}`} onKeyDown=${pressed}>
        <canvas ref=${canvas} style=${{ height: `${height}px` }} onPointerMove=${pointed} onPointerDown=${grab} onPointerUp=${drop}
          onPointerCancel=${drop} onDblClick=${() => told && pick?.(told)}></canvas>
      </div>
    </div>
    <p class="readout" aria-live="polite">${told ? inWords(told) : html`<span class="dim">Point at a moment, or go there with the arrow keys.</span>`}</p>
    ${table && html`<${Rows} moments=${moments} />`}
  </div>`;
}
