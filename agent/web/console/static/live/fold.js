// What a live call's events come to: lines, moments of the line of time, turns. Pure but for what it has taken so far.
//
// A record is the truth, and up to a second old. What is newer is put behind it from the moments, and let go as soon as a
// record has it: so the last record leaves nothing but itself.
import { BLANK, keyed, linesOf, restOf } from "../parts/lines.js";
import { inOrder, momentsOf, stagesFrom } from "../parts/moments.js";
import { turnsOf } from "../parts/stages.js";

export const LANES = ["caller", "agent", "vad", "turns", "barge-ins", "clears", "marks"];

const OLD_MS = 4000; // what no record has taken up by then will not be in one: an echo, a number that is not told
const MOST = 20_000; // moments: an hour of lively talk

const POINTS = {
  "barge-in": ["barge-ins", "the caller takes the turn", "bad"],
  "more is said": ["barge-ins", "the caller says more before the answer", "warn"],
  held: ["barge-ins", "the agent falls silent: the caller makes a sound", "warn"],
  "going on": ["barge-ins", "it was no turn: the agent goes on", ""],
  backchannel: ["barge-ins", "the caller shows that they listen", ""],
  "no words": ["barge-ins", "a sound without words", ""],
  clear: ["clears", "what was not played yet is thrown away", ""],
  filler: ["turns", "a filler, while the answer is made", ""],
  silence: ["turns", "nobody has spoken for long", "warn"],
};

const clean = (text) => text.replace(/\s+/g, " ").trim();
const joined = (parts) => parts.filter(Boolean).join(" ");

export class Fold {
  constructor() {
    this.call = null;
    this.record = null;
    this.ending = "";
    this.state = "";
    this.version = 0; // of what is shown: who draws asks whether it is another
    this.lastId = 0;
    this.reset();
  }

  reset() {
    this.shown = []; // moments
    this.partial = null;
    this.said = []; // turns of the caller that no record has yet
    this.speaking = new Map(); // by turn: what the agent says that no record has yet
    this.stages = []; // of turns that no record has yet
    this.cuts = new Set(); // turns that were cut short, and may go on
    this.pieces = []; // spans of the agent that may still be cut
    this.vad = null;
    this.agentEnd = 0;
    this.n = 0;
  }

  // An event of the stream: its name, its data, its number.
  take(name, data, id = 0) {
    this.version += 1;
    if (name === "call") {
      this.call = data;
      this.state = data.state;
    } else if (name === "record") {
      this.record = data;
      this.settle(data);
    } else if (name === "end") {
      this.ending = data.ending || "over";
      this.close();
    } else if (name === "moment") {
      if (id && id <= this.lastId) return; // told again after a reconnect
      this.lastId = id || this.lastId;
      this.moment(data);
      if (this.shown.length > MOST) this.shown.splice(0, MOST / 10);
    }
  }

  moment(m) {
    if (m.kind === "state") this.state = m.state;
    else if (m.kind === "vad") this.voice(m);
    else if (m.kind === "partial") this.partial = { text: m.text, start_ms: m.start_ms, at_ms: m.at_ms };
    else if (m.kind === "turn") this.turn(m);
    else if (m.kind === "stage") this.stage(m);
    else if (m.kind === "say") this.say(m);
    else if (m.kind === "mark") this.mark(m);
    else if (m.kind === "cut") this.cut(m);
    else if (m.kind === "keys") this.put("caller", m.at_ms, `presses ${m.keys}`);
    else if (m.kind === "tool") this.tool(m);
    else if (m.kind === "ending") this.put("turns", m.at_ms, `the call ends: ${m.ending}`, m.reason || "", "bad");
    else if (POINTS[m.kind]) {
      const [lane, title, tone] = POINTS[m.kind];
      if (m.kind === "clear") this.clear(m.at_ms);
      if (m.kind === "no words" || m.kind === "backchannel") this.partial = null;
      this.put(lane, m.at_ms, title, m.what || "", tone);
    }
  }

  put(lane, from_ms, title, words = "", tone = "", to_ms = null) {
    const moment = { key: `m${(this.n += 1)}`, lane, from_ms, to_ms, title, words, tone };
    this.shown.push(moment);
    return moment;
  }

  voice(m) {
    if (m.speech) {
      if (this.vad) return;
      this.vad = this.put("vad", m.since_ms, "the caller is heard");
      this.vad.going = true;
    } else if (this.vad) {
      this.vad.to_ms = Math.max(m.since_ms, this.vad.from_ms);
      this.vad.going = false;
      this.vad = null;
    }
  }

  turn(m) {
    this.partial = null;
    this.said.push({ text: m.text, start_ms: m.start_ms, end_ms: m.end_ms, at_ms: m.at_ms });
    this.put("caller", m.start_ms, "speaks", m.text, "", m.end_ms);
  }

  stage(m) {
    const said_ms = m.said_ms ?? (m.endpoint_ms == null ? null : m.at_ms - m.first_audio_ms - m.endpoint_ms);
    this.stages.push({ ...m, said_ms, turn: undefined }); // a record knows turns by their place
    for (const moment of stagesFrom(turnsOf(this.turns).at(-1))) this.shown.push(moment);
  }

  say(m) {
    const from_ms = Math.max(m.at_ms, this.agentEnd);
    this.agentEnd = from_ms + m.ms;
    const span = this.put("agent", from_ms, "speaks", m.text, "", this.agentEnd);
    this.pieces.push({ turn: m.turn, piece: m.piece, span });
    const line = this.speaking.get(m.turn) || { parts: [], cut: null, start_ms: from_ms, goesOn: this.cuts.has(m.turn) };
    this.cuts.delete(m.turn);
    if (line.cut) { // it goes on from the word it was cut at
      line.parts = line.cut.heard ? [{ text: line.cut.heard, at_ms: line.cut.at_ms, heard: true }] : [];
      line.cut = null;
    }
    line.parts.push({ piece: m.piece, text: m.text, at_ms: m.at_ms, span, heard: false });
    this.speaking.set(m.turn, line);
  }

  mark(m) {
    this.put("marks", m.at_ms, `turn ${m.turn}, piece ${m.piece} was played`);
    const part = this.speaking.get(m.turn)?.parts.find((each) => each.piece === m.piece && !each.heard);
    if (part) Object.assign(part, { heard: true, at_ms: m.at_ms });
    const n = this.pieces.findIndex((each) => each.turn === m.turn && each.piece === m.piece);
    if (n < 0) return;
    const [{ span }] = this.pieces.splice(n, 1); // its length was an estimate until now
    const next = this.pieces[0]?.span;
    if (m.at_ms < span.to_ms || !next) span.to_ms = Math.max(Math.min(span.to_ms, m.at_ms), span.from_ms);
    if (!this.pieces.length) this.agentEnd = span.to_ms;
  }

  clear(at_ms) {
    for (const { span } of this.pieces) {
      if (span.from_ms >= at_ms) this.shown.splice(this.shown.indexOf(span), 1);
      else if (span.to_ms > at_ms) Object.assign(span, { to_ms: at_ms, tone: "cut", title: "speaks, is cut off" });
    }
    this.pieces = [];
    this.agentEnd = at_ms;
  }

  cut(m) {
    const line = this.speaking.get(m.turn) || { parts: [], start_ms: m.at_ms, goesOn: false };
    this.cuts.add(m.turn);
    this.speaking.set(m.turn, { ...line, cut: { heard: m.heard, meant: m.meant, at_ms: m.at_ms } });
  }

  tool(m) {
    const took = m.ms ?? null;
    this.put("tools", took === null ? m.at_ms : m.at_ms - took, m.name, m.fault || "", m.fault ? "bad" : "", took === null ? null : m.at_ms);
  }

  // What a record has is let go.
  settle(record) {
    const entries = record.entries;
    const has = (role, since_ms, words) => entries.some((entry) => entry.role === role && entry.end_ms >= since_ms - 1
      && (clean(entry.text).includes(words) || clean(entry.meant || "").includes(words)));
    const now = Math.max(record.duration_ms || 0, this.shown.reduce((most, each) => Math.max(most, each.from_ms), 0));
    const old = (at_ms) => at_ms < now - OLD_MS;
    this.said = this.said.filter((turn) => !has("caller", turn.end_ms, clean(turn.text)) && !old(turn.at_ms));
    for (const [turn, line] of this.speaking) {
      const kept = line.parts.filter((part) => (part.heard ? !has("agent", line.start_ms, clean(part.text)) && !old(part.at_ms) : !old(part.span.to_ms)));
      const told = line.cut && (old(line.cut.at_ms) || entries.some((entry) => entry.role === "agent" && entry.interrupted
        && entry.end_ms >= line.start_ms - 1 && clean(entry.text) === clean(line.cut.heard)));
      if (told || (!line.cut && !kept.length)) this.speaking.delete(turn);
      else if (kept.length < line.parts.length && !line.cut) this.speaking.set(turn, { ...line, parts: kept, goesOn: true });
    }
    const turns = record.turns || [];
    this.stages = this.stages.filter((stage) => !turns.some((turn) => turn.first_audio_ms === stage.first_audio_ms
      && turn.first_token_ms === stage.first_token_ms && turn.heard_ms === stage.heard_ms));
  }

  close() {
    this.partial = null;
    this.said = [];
    this.speaking.clear();
    if (this.vad) Object.assign(this.vad, { to_ms: this.record?.duration_ms ?? this.vad.from_ms, going: false });
    this.vad = null;
  }

  get lines() {
    const lines = this.record ? linesOf(this.record) : [];
    const known = lines.length;
    const put = (line) => lines.push({ ...BLANK, ...line });
    for (const turn of this.said) put({ role: "caller", ...turn });
    for (const line of this.speaking.values()) {
      const words = (heard) => joined(line.parts.filter((part) => part.heard === heard).map((part) => part.text));
      const last = lines.findLast((each) => each.role !== "tool");
      if (line.cut) {
        const { heard, meant } = line.cut;
        put({ role: "agent", text: heard, rest: restOf(heard, meant), interrupted: true, start_ms: line.start_ms, end_ms: line.cut.at_ms });
      } else if (line.goesOn && last?.role === "agent") {
        Object.assign(last, { text: joined([last.text, words(true)]), coming: words(false), interrupted: false, rest: "" });
      } else {
        put({ role: "agent", text: words(true), coming: words(false), start_ms: line.start_ms, end_ms: line.start_ms });
      }
    }
    if (this.partial) put({ role: "caller", text: this.partial.text, state: "partial", start_ms: this.partial.start_ms, end_ms: this.partial.at_ms });
    return keyed([...lines.slice(0, known), ...lines.slice(known).sort((a, b) => a.start_ms - b.start_ms)]);
  }

  // As the moments told it; what was before the first of them, and a call that is held elsewhere, as its record does.
  get moments() {
    const first = this.shown.length ? this.shown.reduce((least, each) => Math.min(least, each.from_ms), Infinity) : Infinity;
    const before = this.record ? momentsOf(this.record).filter((each) => (each.to_ms ?? each.from_ms) < first) : [];
    return inOrder([...before, ...this.shown]);
  }

  get turns() {
    return [...(this.record?.turns || []), ...this.stages];
  }
}
