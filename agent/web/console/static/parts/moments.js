// What a line of time shows, from a record alone. Pure.
//
// A moment: {key, lane, from_ms, to_ms, title, words, tone}; to_ms is null where it has no length. `tone` is "" or "cut",
// "warn", "bad", or a stage's name.
import { duration, millis } from "../format.js";
import { turnsOf } from "./stages.js";

export const LANES = [
  { name: "caller", title: "Caller" },
  { name: "agent", title: "Agent" },
  { name: "vad", title: "Voice activity" },
  { name: "turns", title: "Turns" },
  { name: "barge-ins", title: "Barge-ins" },
  { name: "clears", title: "Clears" },
  { name: "marks", title: "Marks" },
  { name: "tools", title: "Tools" },
  { name: "legs", title: "Legs" },
];

export const atMs = (ms) => `${duration(ms)}.${String(Math.floor(ms % 1000)).padStart(3, "0")}`;

export const inWords = (moment) => {
  const lane = LANES.find((each) => each.name === moment.lane)?.title ?? moment.lane;
  const length = moment.to_ms === null ? "" : `, ${millis(moment.to_ms - moment.from_ms)} long`;
  return `${atMs(moment.from_ms)}${length}. ${lane}: ${moment.title}${moment.words ? `: ${moment.words}` : ""}`;
};

export const inOrder = (moments) => moments.sort((a, b) => a.from_ms - b.from_ms);

export function momentsOf(record) {
  const made = [];
  record.entries.forEach((entry, n) => {
    const span = { key: `e${n}`, from_ms: entry.start_ms, to_ms: Math.max(entry.end_ms, entry.start_ms), words: entry.text };
    if (entry.role === "tool") made.push({ ...span, lane: "tools", title: entry.tool || "tool", to_ms: null, tone: "" });
    else if (entry.keys) made.push({ ...span, lane: "caller", title: `presses ${entry.keys}`, words: "", to_ms: null, tone: "" });
    else {
      const title = entry.interrupted ? "speaks, is cut off" : entry.aside ? "shows that they listen" : "speaks";
      made.push({ ...span, lane: entry.role, title, tone: entry.interrupted ? "cut" : entry.aside ? "aside" : "" });
    }
    if (entry.interrupted) {
      made.push({ key: `b${n}`, lane: "barge-ins", from_ms: entry.end_ms, to_ms: null, title: "the caller interrupts",
        words: entry.meant ? `of “${entry.meant}” was heard “${entry.text}”` : "", tone: "bad" });
    }
  });
  for (const turn of turnsOf(record.turns || [])) made.push(...stagesFrom(turn));
  (record.legs || []).forEach((leg, n, legs) => {
    if (legs.length > 1) made.push({ key: `l${n}`, lane: "legs", from_ms: leg.began_ms || 0, to_ms: leg.ended_ms ?? record.duration_ms,
      title: `leg ${n + 1}`, words: leg.why ? `ends by ${leg.why}` : "", tone: leg.why === "process gone" ? "bad" : "" });
  });
  return inOrder(made);
}

// A turn's stages on the call's clock, from the caller's last word; nothing where that is not known.
export function stagesFrom(turn) {
  if (turn.said_ms === null) return [];
  let at = turn.said_ms;
  return turn.stages.filter((stage) => stage.ms > 0).map((stage) => {
    const from_ms = at;
    at += stage.ms;
    return { key: `t${turn.turn}-${stage.name}`, lane: "turns", from_ms, to_ms: at, title: `turn ${turn.turn}`,
      words: `${stage.title.toLowerCase()} ${millis(stage.ms)}${stage === turn.slowest ? ", the slowest stage" : ""}`, tone: stage.name };
  });
}
