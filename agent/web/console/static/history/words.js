// A finished record in words: how it ended, what was not heard, which answer was slow and why. Pure.
import { duration, seconds } from "../format.js";

const ENDINGS = {
  "caller hung up": "The caller hung up",
  "connection lost": "The connection was lost",
  "agent said goodbye": "The agent said goodbye",
  "caller silent": "Nobody said anything any more",
  transferred: "Handed over to a colleague",
  "time limit": "The time a call may take was over",
  budget: "What it may cost was spent",
  machine: "A machine answered",
  shutdown: "The server was stopped",
  failed: "A fault ended it",
  interrupted: "The server was gone; the record was finished later",
};
export const ENDING_NAMES = [...Object.keys(ENDINGS), "goes_on"];

export const ended = (record) => {
  if (!record.ending) return "It goes on";
  const told = ENDINGS[record.ending] || record.ending;
  return record.ending === "transferred" && record.transferred_to ? `${told} (${record.transferred_to})` : told;
};

// What a process notes for whoever looks into a fault; of a usual ending it is one of the carrier's own words.
const USUAL = new Set(["", "stop"]);
export const reason = (record) => (USUAL.has(record.reason) ? "" : record.reason);

export const outbound = (record) => record.direction.startsWith("outbound");
export const other = (record) => (outbound(record) ? record.called : record.caller);

// Of what was cut short: the words that were not heard any more. `text` is a beginning of `meant`, but for blanks.
export const unheard = (entry) => {
  if (!entry.interrupted || !entry.meant) return "";
  const heard = entry.text.split(/\s+/).filter(Boolean);
  const meant = entry.meant.split(/\s+/).filter(Boolean);
  let n = 0;
  while (n < heard.length && heard[n] === meant[n]) n += 1;
  const part = heard[n];
  if (part && n === heard.length - 1 && meant[n]?.startsWith(part)) {
    return [meant[n].slice(part.length), ...meant.slice(n + 1)].join(" ");
  }
  return meant.slice(n).join(" ");
};

export const STAGES = [
  { key: "endpoint", name: "waiting for the end of the turn" },
  { key: "heard", name: "transcription" },
  { key: "first_token", name: "the model's first words" },
  { key: "first_audio", name: "the first sound" },
];

// How long each stage of a turn took. From the caller's last word where that is known, else from the decision that it
// was the last one.
export const stages = (turn) => {
  const known = turn.endpoint_ms !== null && turn.endpoint_ms !== undefined;
  return {
    ...(known ? { endpoint: turn.endpoint_ms } : {}),
    heard: turn.heard_ms,
    first_token: turn.first_token_ms - turn.heard_ms,
    first_audio: turn.first_audio_ms - turn.first_token_ms,
  };
};
export const total = (turn) => Object.values(stages(turn)).reduce((sum, ms) => sum + ms, 0);

// The turn that took longest, its number from 1, and the stage that took most of it; null where there was none.
export const slowest = (turns) => {
  let found = null;
  turns.forEach((turn, n) => {
    if (!found || total(turn) > found.ms) found = { turn, number: n + 1, ms: total(turn) };
  });
  if (!found) return null;
  const [key, ms] = Object.entries(stages(found.turn)).reduce((a, b) => (b[1] > a[1] ? b : a));
  return { ...found, stage: STAGES.find((stage) => stage.key === key).name, stage_ms: ms };
};

export const slowly = (found, count) => {
  const at = found.turn.said_ms === null || found.turn.said_ms === undefined ? "" : ` (at ${duration(found.turn.said_ms)})`;
  const which = count === 1 ? "The only answer" : `The slowest of ${count} answers was number ${found.number}${at}. It`;
  const since = found.turn.endpoint_ms === null || found.turn.endpoint_ms === undefined ? "the end of the turn" : "the caller's last word";
  return `${which} began ${seconds(found.ms)} after ${since}; most of that, ${seconds(found.stage_ms)}, was ${found.stage}.`;
};

// Between two legs nobody could be heard.
export const gaps = (record) =>
  record.legs.slice(1).map((leg, n) => {
    const before = record.legs[n];
    const last = record.entries.filter((e) => e.end_ms <= leg.began_ms).reduce((ms, e) => Math.max(ms, e.end_ms), before.began_ms);
    return { from: before.ended_ms ?? last, to: leg.began_ms, why: before.why || "another process went on" };
  });

export const lost = (gap) => `${gap.why}, ${seconds(Math.max(0, gap.to - gap.from))}`;

const CASES = { each: "an objection", told: "told", yes: "wished for", no: "not wished for", noted: "noted" };
export const point = ({ fact, why }) =>
  fact === "do_not_call" ? "must not be called" : CASES[why] || why;
export const factName = (name) => ({ do_not_call: "do not call", call_time: "time to call", decision_maker: "who decides", callback: "call back" })[name] || name;
