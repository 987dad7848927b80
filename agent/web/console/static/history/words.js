// A finished record in words: how it ended, what lies between its legs, what a line of its score is for. Pure.
import { seconds } from "../format.js";
import { ENDINGS, inWords } from "../parts/endings.js";

export const ENDING_NAMES = [...Object.keys(ENDINGS), "goes_on"];

export const ended = (record) => {
  if (!record.ending) return "It goes on";
  const told = inWords(record.ending);
  return record.ending === "transferred" && record.transferred_to ? `${told} (${record.transferred_to})` : told;
};

// What a process notes for whoever looks into a fault; of a usual ending it is one of the carrier's own words.
const USUAL = new Set(["", "stop"]);
export const reason = (record) => (USUAL.has(record.reason) ? "" : record.reason);

export const outbound = (record) => record.direction.startsWith("outbound");
export const other = (record) => (outbound(record) ? record.called : record.caller);

// Between two legs nobody could be heard. `entry` is the number of the first that was said after it, -1 where nothing was.
export const gaps = ({ legs, entries }) =>
  (legs || []).slice(1).map((leg, n) => {
    const before = legs[n];
    const to = leg.began_ms || 0;
    const last = entries.filter((entry) => entry.end_ms <= to).reduce((ms, entry) => Math.max(ms, entry.end_ms), before.began_ms || 0);
    const entry = entries.findIndex((each) => each.start_ms >= to);
    return { from: before.ended_ms ?? last, to, why: before.why || "another process went on", entry };
  });

export const lost = (gap) => `${gap.why}, ${seconds(Math.max(0, gap.to - gap.from))}`;

const CASES = { each: "an objection", told: "told", yes: "wished for", no: "not wished for", noted: "noted" };
export const point = ({ fact, why }) =>
  fact === "do_not_call" ? "must not be called" : CASES[why] || why;
export const factName = (name) => ({ do_not_call: "do not call", call_time: "time to call", decision_maker: "who decides", callback: "call back" })[name] || name;
