// The line of time: lanes, zoom, and each moment told in words. Of a finished record: moments=${momentsOf(record)}
// end_ms=${record.duration_ms}; of a call that goes on, `clock` tells its time now, and the line follows it.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../ui.js";
import { LANES, inWords, momentsOf } from "./moments.js";
import { AXIS, LANE, coloursOf, draw } from "./timeline_draw.js";
import { Rows } from "./timeline_table.js";
import { across, beside, following, hit, moved, showing, whole, zoomed } from "./timeline_view.js";

export { momentsOf };

const HINT = "Arrow keys go from moment to moment and from lane to lane, plus and minus zoom.";
const STEPS = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };

const shownLanes = (moments, all) => LANES.filter((lane) => all || moments.some((moment) => moment.lane === lane.name));

// `lanes`: names of lanes that are shown even when empty. `pick(moment)`: Enter, or a double click. `at_ms`: where sound plays.
export function Timeline({ moments, end_ms, clock, lanes: asked, pick, at_ms = null }) {
  const canvas = useRef(null);
  const board = useRef({ perPixel: 0 });
  const going = Boolean(clock);
  const [follows, follow] = useState(going);
  const [view, look] = useState(() => (going ? { from_ms: 0, span_ms: 30_000 } : whole(end_ms)));
  const [picked, choose] = useState(null);
  const [table, tabulate] = useState(false);
  const lanes = useMemo(() => shownLanes(moments, false).map((lane) => lane.name).concat(asked || ["caller", "agent"]), [moments, asked]);
  const rows = LANES.filter((lane) => lanes.includes(lane.name));
  const now = () => (going ? clock() : end_ms);
  const last = () => Math.max(now(), moments.at(-1)?.from_ms ?? 0);
  const height = AXIS + rows.length * LANE;
  const told = moments.find((moment) => moment.key === picked);

  const seen = () => (follows && going ? following(view, now()) : view);
  const paint = useRef(() => {});
  paint.current = () => {
    const { ctx, width, colours } = board.current;
    board.current.perPixel = view.span_ms / Math.max(width * (devicePixelRatio || 1), 1);
    if (ctx) draw(ctx, width, { lanes: rows, moments, view: seen(), now_ms: now(), at_ms, picked, going }, colours);
  };
  useEffect(() => {
    if (!going || !follows) paint.current(); // else it is drawn as it moves
  });
  useEffect(() => {
    if (!going || !follows) return undefined;
    let frame;
    let drawn = 0;
    const step = (at) => {
      // It has moved by a pixel, or there is nothing to be seen of it.
      if (at - drawn >= board.current.perPixel) {
        drawn = at;
        paint.current();
      }
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [going, follows]);
  useLayoutEffect(() => {
    const element = canvas.current;
    const fit = () => {
      const width = element.clientWidth;
      const scale = devicePixelRatio || 1;
      element.width = Math.round(width * scale);
      element.height = Math.round(height * scale);
      const ctx = element.getContext("2d");
      ctx.setTransform(scale, 0, 0, scale, 0, 0);
      Object.assign(board.current, { ctx, width, colours: coloursOf(element) });
      paint.current();
    };
    const sizes = new ResizeObserver(fit);
    sizes.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", fit);
    fit();
    return () => {
      sizes.disconnect();
      scheme.removeEventListener("change", fit);
    };
  }, [height]);
  // A wheel listener of a framework's is passive: it could not keep the page from scrolling.
  useEffect(() => {
    const element = canvas.current;
    const turn = (event) => {
      if (!event.ctrlKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      board.current.wheel?.(event);
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, []);

  const still = (next) => {
    look(next);
    follow(false);
  };
  const zoom = (factor, at) => {
    const from = seen();
    if (follows && going) look(zoomed(from, factor, now(), last()));
    else still(zoomed(from, factor, at ?? told?.from_ms ?? from.from_ms + from.span_ms / 2, last()));
  };
  const timeAt = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const from = seen();
    return [from.from_ms + ((event.clientX - box.left) / box.width) * from.span_ms, event.clientY - box.top, from.span_ms / box.width];
  };
  board.current.wheel = (event) => {
    if (event.ctrlKey) zoom(event.deltaY < 0 ? 1.25 : 0.8, timeAt(event)[0]);
    else still(moved(seen(), event.deltaX * timeAt(event)[2], last()));
  };
  const pointed = (event) => {
    const drag = board.current.drag;
    if (drag) {
      const by = event.clientX - drag.x;
      if (Math.abs(by) > 3) still(moved(drag.view, -by * timeAt(event)[2], last()));
      return;
    }
    const [at, y, perPixel] = timeAt(event);
    const lane = rows[Math.floor((y - AXIS) / LANE)];
    const found = lane && hit(moments, lane.name, at, perPixel * 9, now());
    if (found) choose(found.key);
  };
  const grab = (event) => {
    pointed(event);
    board.current.drag = { x: event.clientX, view: seen() };
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const drop = () => { board.current.drag = null; };
  const pressed = (event) => {
    const known = moments.filter((moment) => lanes.includes(moment.lane));
    let next = null;
    if (event.key in STEPS) next = beside(known, picked, STEPS[event.key]);
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") next = across(known, rows.map((lane) => lane.name), picked, event.key === "ArrowUp" ? -1 : 1);
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
      ${going && html`<button class="follow" onClick=${() => follow(!follows)}>${follows ? "Pause" : "Follow now"}</button>`}
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
