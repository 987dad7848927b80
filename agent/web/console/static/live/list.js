// The calls of the list: what the stream tells of them in, rows in order out. Pure.

export const STATES = {
  listening: "listening",
  hearing: "caller speaks",
  thinking: "thinking",
  speaking: "agent speaks",
  elsewhere: "in another process",
  lost: "its process or its line is gone",
};

const MOST_OVER = 5;

// All that there are: {calls: Map by CallSid, over: the last that have ended, newest first}.
export const NONE = { calls: new Map(), over: [] };

export function all(before, data) {
  return { ...before, calls: new Map(data.calls.map((call) => [call.call_sid, call])) };
}

// A call that has not changed stays the same object: who draws it sees that by looking at it alone.
export function changed(before, data) {
  const calls = new Map(before.calls);
  for (const call of data.calls || []) calls.set(call.call_sid, call);
  const over = (data.gone || []).map((gone) => ({ ...calls.get(gone.call_sid), ...gone }));
  for (const call of over) calls.delete(call.call_sid);
  return { calls, over: [...over.reverse(), ...before.over].slice(0, MOST_OVER) };
}

const text = (pick) => (a, b) => pick(a).localeCompare(pick(b));
const figure = (pick) => (a, b) => (pick(a) ?? -1) - (pick(b) ?? -1);

export const COLUMNS = [
  { name: "who", title: "Caller", by: text((call) => call.caller || "") },
  { name: "line", title: "Line", by: text((call) => call.line || "") },
  { name: "state", title: "State", by: text((call) => call.state) },
  { name: "duration", title: "Duration", figure: true, by: (a, b) => -text((call) => call.started_at)(a, b) },
  { name: "score", title: "Score", figure: true, by: figure((call) => call.score) },
  { name: "cost", title: "Cost", figure: true, by: figure((call) => call.cost_usd) },
  { name: "turns", title: "Turns", figure: true, by: figure((call) => call.turns) },
  { name: "barge_ins", title: "Barge-ins", figure: true, by: figure((call) => call.barge_ins) },
  { name: "last", title: "Last words" },
];

// `sort`: {by: a column's name, down}; `words` in the caller's or our number, the line, or the last words.
export function rows(shown, sort, words = "") {
  const wanted = words.trim().toLowerCase();
  const found = [...shown.calls.values()].filter((call) => !wanted
    || [call.caller, call.called, call.line, call.last?.text, call.call_sid].some((each) => each?.toLowerCase().includes(wanted)));
  const { by } = COLUMNS.find((column) => column.name === sort.by);
  const sign = sort.down ? -1 : 1;
  return found.sort((a, b) => sign * by(a, b) || a.call_sid.localeCompare(b.call_sid));
}

export function counted(shown) {
  const count = {};
  for (const call of shown.calls.values()) count[call.state] = (count[call.state] || 0) + 1;
  return Object.keys(STATES).filter((state) => count[state]).map((state) => ({ state, count: count[state] }));
}

// Which rows are seen of so many, with some around them: {first, last}, the last not included.
export function seen(total, rowHeight, top, height, around = 12) {
  const first = Math.max(0, Math.floor(top / rowHeight) - around);
  return { first: Math.min(first, total), last: Math.min(total, Math.ceil((top + height) / rowHeight) + around) };
}
