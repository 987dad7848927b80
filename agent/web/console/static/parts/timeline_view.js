// Which part of a call's clock is looked at, and where moments are in it. Pure. A view: {from_ms, span_ms}.

export const LEAST_MS = 500;
const STEPS_MS = [100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000];
const AHEAD = 0.06; // of what is seen, right of now

export const whole = (end_ms) => ({ from_ms: 0, span_ms: Math.max(end_ms * 1.02, 5000) });

export const following = (view, now_ms) => ({ ...view, from_ms: Math.max(0, now_ms - view.span_ms * (1 - AHEAD)) });

// By `factor` (2: half as much is seen), so that what is at `at_ms` stays where it is.
export function zoomed(view, factor, at_ms, end_ms) {
  const span_ms = Math.min(Math.max(view.span_ms / factor, LEAST_MS), whole(end_ms).span_ms);
  return within({ span_ms, from_ms: at_ms - (at_ms - view.from_ms) * (span_ms / view.span_ms) }, end_ms);
}

export const moved = (view, by_ms, end_ms) => within({ ...view, from_ms: view.from_ms + by_ms }, end_ms);

const within = (view, end_ms) => ({
  ...view,
  from_ms: Math.min(Math.max(0, view.from_ms), Math.max(0, whole(end_ms).span_ms - view.span_ms)),
});

// So that this is seen; the same view where it is.
export function showing(view, moment, end_ms) {
  const inside = moment.from_ms >= view.from_ms && moment.from_ms <= view.from_ms + view.span_ms * 0.95;
  return inside ? view : within({ ...view, from_ms: moment.from_ms - view.span_ms / 3 }, end_ms);
}

// Where the axis has figures: about one for each 90 of the width.
export function ticks(view, width) {
  const step = STEPS_MS.find((ms) => (ms / view.span_ms) * width >= 90) ?? STEPS_MS.at(-1);
  const found = [];
  for (let at = Math.ceil(view.from_ms / step) * step; at <= view.from_ms + view.span_ms; at += step) found.push(at);
  return found;
}

export const endOf = (moment, now_ms) => (moment.going ? Math.max(now_ms, moment.from_ms) : moment.to_ms ?? moment.from_ms);

// The moment of this lane at that time, or the nearest within `slack_ms`: what a pointer is at. Those without length come first.
export function hit(moments, lane, at_ms, slack_ms, now_ms) {
  let best = null;
  let least = slack_ms;
  for (const moment of moments) {
    if (moment.lane !== lane) continue;
    const end = endOf(moment, now_ms);
    const away = at_ms < moment.from_ms ? moment.from_ms - at_ms : at_ms > end ? at_ms - end : 0;
    if (away < least || (away === least && best && end - moment.from_ms < endOf(best, now_ms) - best.from_ms) || (away === 0 && !best)) {
      best = moment;
      least = away;
    }
  }
  return best;
}

// So many moments further; `moments` in the order of time. From none to the first, or the last.
export function beside(moments, key, step) {
  const n = moments.findIndex((moment) => moment.key === key);
  if (n < 0 && Number.isFinite(step)) return (step > 0 ? moments[0] : moments.at(-1)) ?? null;
  return moments[Math.min(Math.max(n + step, 0), moments.length - 1)];
}

// To another lane's nearest in time; the same where there is none.
export function across(moments, lanes, key, step) {
  const from = moments.find((moment) => moment.key === key);
  if (!from) return moments[0] ?? null;
  for (let n = lanes.indexOf(from.lane) + step; n >= 0 && n < lanes.length; n += step) {
    const there = moments.filter((moment) => moment.lane === lanes[n]);
    if (there.length) return there.reduce((a, b) => (Math.abs(b.from_ms - from.from_ms) < Math.abs(a.from_ms - from.from_ms) ? b : a));
  }
  return from;
}
