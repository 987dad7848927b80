// The line of time on a canvas: some hundred shapes at most are seen of thousands, and a frame is drawn in a millisecond.
import { duration } from "../format.js";
import { endOf, ticks } from "./timeline_view.js";

export const LANE = 30;
export const AXIS = 24;
const GAP = 5;

const NAMES = ["ink", "dim", "line", "card", "ground", "caller", "caller-ground", "agent", "agent-ground", "good", "warn", "bad", "main"]
  .concat(["stage-endpoint", "stage-heard", "stage-token", "stage-audio", "on-stage"]);

// The page's colours, light or dark, as they are now.
export function coloursOf(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

const FILLS = {
  caller: (c) => [c["caller-ground"], c.caller],
  agent: (c) => [c["agent-ground"], c.agent],
  vad: (c) => [c.dim, c.dim],
  tools: (c) => [c.main, c.card],
  legs: (c) => [c.line, c.ink],
};

function span(ctx, moment, x, end, y, c) {
  const width = Math.max(end - x, 2);
  const height = moment.lane === "vad" ? LANE - GAP * 2 - 8 : LANE - GAP * 2;
  const top = y + (LANE - height) / 2;
  const stage = moment.lane === "turns" && c[`stage-${moment.tone}`];
  const [fill, ink] = stage ? [stage, c["on-stage"]] : (FILLS[moment.lane] || FILLS.legs)(c);
  ctx.fillStyle = moment.tone === "coming" || moment.tone === "aside" ? c.ground : fill;
  ctx.beginPath();
  ctx.roundRect(x, top, width, height, Math.min(3, width / 2));
  ctx.fill();
  if (moment.lane === "caller" || moment.lane === "agent") {
    ctx.strokeStyle = ink;
    ctx.setLineDash(moment.tone === "coming" || moment.tone === "aside" ? [4, 3] : []);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  if (moment.tone === "cut") {
    ctx.fillStyle = c.bad;
    ctx.fillRect(end - 3, top, 3, height);
  }
  const words = stage ? moment.words : moment.words || moment.title;
  if (width > 44 && moment.lane !== "vad") {
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, top, width - 5, height);
    ctx.clip();
    ctx.fillStyle = ink;
    ctx.fillText(words, Math.max(x, 0) + 6, top + height / 2 + 0.5);
    ctx.restore();
  }
}

// Without length: each lane has a shape of its own, so that colour is not all there is.
function point(ctx, moment, x, y, c) {
  const middle = y + LANE / 2;
  ctx.lineWidth = 2;
  ctx.beginPath();
  if (moment.lane === "barge-ins") {
    ctx.fillStyle = moment.tone === "bad" ? c.bad : c.warn;
    ctx.moveTo(x, middle - 8);
    ctx.lineTo(x + 7, middle);
    ctx.lineTo(x, middle + 8);
    ctx.lineTo(x - 7, middle);
    ctx.fill();
  } else if (moment.lane === "clears") {
    ctx.strokeStyle = c.bad;
    for (const side of [-1, 1]) {
      ctx.moveTo(x - 5, middle - 5 * side);
      ctx.lineTo(x + 5, middle + 5 * side);
    }
    ctx.stroke();
  } else if (moment.lane === "tools") {
    ctx.fillStyle = moment.tone === "bad" ? c.bad : c.main;
    ctx.fillRect(x - 5, middle - 5, 10, 10);
  } else {
    ctx.strokeStyle = moment.lane === "marks" ? c.agent : c.ink;
    ctx.moveTo(x, middle - 7);
    ctx.lineTo(x, middle + 7);
    ctx.stroke();
  }
  ctx.lineWidth = 1;
}

// `picked` is a moment's key; `at_ms` where sound is played, or null; `now_ms` the call's clock.
export function draw(ctx, width, { lanes, moments, view, now_ms, at_ms, picked, going }, c) {
  const height = AXIS + lanes.length * LANE;
  const x = (ms) => ((ms - view.from_ms) / view.span_ms) * width;
  ctx.clearRect(0, 0, width, height);
  ctx.font = "12px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  ctx.lineWidth = 1;
  for (const tick of ticks(view, width)) {
    const at = Math.round(x(tick)) + 0.5;
    ctx.strokeStyle = c.line;
    ctx.beginPath();
    ctx.moveTo(at, AXIS - 4);
    ctx.lineTo(at, height);
    ctx.stroke();
    ctx.fillStyle = c.dim;
    const label = view.span_ms < 8000 ? `${duration(tick)}.${Math.floor((tick % 1000) / 100)}` : duration(tick);
    if (at < width - 34) ctx.fillText(label, at + 3, AXIS / 2);
  }
  const row = new Map(lanes.map((lane, n) => [lane.name, AXIS + n * LANE]));
  for (const top of row.values()) {
    ctx.strokeStyle = c.line;
    ctx.strokeRect(-1, top + 0.5, width + 2, LANE);
  }
  let shown = null;
  for (const moment of moments) {
    const top = row.get(moment.lane);
    const end = endOf(moment, now_ms);
    if (top === undefined || end < view.from_ms - view.span_ms * 0.02) continue;
    if (moment.from_ms > view.from_ms + view.span_ms) continue;
    if (moment.going || moment.to_ms !== null) span(ctx, moment, x(moment.from_ms), x(end), top, c);
    else point(ctx, moment, x(moment.from_ms), top, c);
    if (moment.key === picked) {
      const around = end > moment.from_ms ? 2 : 9;
      shown = [x(moment.from_ms) - around, x(end) + around, top];
    }
  }
  const upright = (at, colour) => {
    ctx.fillStyle = colour;
    ctx.fillRect(at - 1, 0, 2, height);
  };
  if (going) upright(x(now_ms), c.good);
  if (at_ms !== null && at_ms !== undefined) upright(x(at_ms), c.main);
  if (shown) {
    ctx.strokeStyle = c.ink;
    ctx.lineWidth = 2;
    ctx.strokeRect(shown[0], shown[2] + 2, shown[1] - shown[0], LANE - 4);
    ctx.lineWidth = 1;
  }
}
