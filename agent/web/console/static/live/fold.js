// What a live call's events come to: lines, moments of the line of time, turns. Pure but for what it has taken.
//
// A record is the truth, and up to a second old. What is newer is put behind it from the moments, and let go as soon as a
// record has it: so the last record leaves nothing but itself.
import { BLANK, keyed, linesOf, restOf } from "../parts/lines.js";
import { inOrder, momentsOf } from "../parts/moments.js";
import { turnsOf } from "../parts/stages.js";
import { Spans } from "./spans.js";

const OLD_MS = 4000; // what no record has taken up by then will not be in one: an echo, a number that is not told

const clean = (text) => text.replace(/\s+/g, " ").trim();
const joined = (parts) => parts.filter(Boolean).join(" ");
const whole = (line) => clean(joined([line.text, line.rest]));
// A line that has not changed stays the same object: who draws it need not look at it.
const alike = (line, before) => before !== undefined && Object.keys(line).every((name) => line[name] === before[name]);
const texts = (parts, heard) => parts.filter((part) => part.heard === heard).map((part) => part.text);

// Of an answer that goes on: what is heard of it and what is to come. A record tells it as if it were cut off now: `all` is what
// it knows of it, of which it takes `heard` characters for heard.
function running(all, heard, parts) {
  let until = heard;
  const behind = [];
  for (const part of parts) {
    const from = all.lastIndexOf(clean(part.text));
    if (from < 0) behind.push(part);
    else if (part.heard) until = Math.max(until, from + clean(part.text).length);
  }
  const text = joined([all.slice(0, until).trim(), ...texts(behind, true)]);
  return { text, coming: joined([all.slice(until).trim(), ...texts(behind, false)]), rest: "", interrupted: false };
}

export class Fold {
  constructor() {
    this.call = null;
    this.record = null;
    this.ending = "";
    this.state = "";
    this.version = 0; // of what is shown: who draws asks whether it is another
    this.lastId = 0;
    this.spans = new Spans();
    this.partial = null;
    this.said = []; // turns of the caller that no record has yet
    this.speaking = new Map(); // by turn: what the agent says that no record has yet
    this.cuts = new Set(); // turns that were cut short, and may go on
    this.stages = []; // of turns that no record has yet
    this.known = []; // the record's lines, turns and moments, made once
    this.turns = [];
    this.before = [];
  }

  // An event of the stream: its name, its data, its number.
  take(name, data, id = 0) {
    this.version += 1;
    if (name === "call") {
      this.call = data;
      this.state = data.state;
    } else if (name === "record") {
      this.record = data;
      this.known = linesOf(data).map((line, n) => (alike(line, this.known[n]) ? this.known[n] : line));
      this.before = momentsOf(data);
      this.settle(data);
      this.turns = [...(data.turns || []), ...this.stages];
    } else if (name === "end") {
      this.ending = data.ending || "over";
      this.close();
    } else if (name === "moment" && !(id && id <= this.lastId)) { // else it is told again, after a reconnect
      this.lastId = id || this.lastId;
      this.moment(data);
    }
  }

  moment(m) {
    if (m.kind === "stage") {
      this.stage(m);
      return;
    }
    if (m.kind === "state") this.state = m.state;
    else if (m.kind === "partial") this.partial = m;
    else if (["turn", "no words", "backchannel"].includes(m.kind)) this.partial = null;
    if (m.kind === "turn") this.said.push({ text: m.text, start_ms: m.start_ms, end_ms: m.end_ms, at_ms: m.at_ms });
    else if (m.kind === "cut") this.cut(m);
    else if (m.kind === "mark") this.mark(m);
    if (m.kind === "say") this.say(m, this.spans.say(m));
    else this.spans.take(m);
  }

  stage(m) {
    const said_ms = m.endpoint_ms == null ? null : m.at_ms - m.first_audio_ms - m.endpoint_ms;
    this.stages.push({ ...m, said_ms, turn: undefined }); // a record knows turns by their place
    this.turns = [...this.turns, this.stages.at(-1)];
    this.spans.stages({ ...turnsOf(this.turns.slice(-1))[0], turn: this.turns.length });
  }

  say(m, span) {
    const line = this.speaking.get(m.turn)
      || { parts: [], cut: null, start_ms: span.from_ms, goesOn: this.cuts.has(m.turn) };
    this.cuts.delete(m.turn);
    if (line.cut) { // it goes on from the word it was cut at
      line.parts = line.cut.heard ? [{ text: line.cut.heard, at_ms: line.cut.at_ms, heard: true }] : [];
      line.cut = null;
    }
    line.parts.push({ piece: m.piece, text: m.text, at_ms: m.at_ms, span, heard: false });
    this.speaking.set(m.turn, line);
  }

  mark(m) {
    const part = this.speaking.get(m.turn)?.parts.find((each) => each.piece === m.piece && !each.heard);
    if (part) Object.assign(part, { heard: true, at_ms: m.at_ms });
  }

  cut(m) {
    const line = this.speaking.get(m.turn) || { parts: [], start_ms: m.at_ms, goesOn: false };
    this.cuts.add(m.turn);
    // Cut before its first word it leaves no trace in the record, but was being said.
    const meant = m.meant || joined(texts(line.parts, false));
    this.speaking.set(m.turn, { ...line, cut: { heard: m.heard, meant, at_ms: m.at_ms } });
  }

  // What a record has is let go.
  settle(record) {
    const { entries } = record;
    const has = (role, since_ms, words) => entries.some((entry) => entry.role === role && entry.end_ms >= since_ms - 1
      && clean(entry.text).includes(words));
    const now = Math.max(record.duration_ms || 0, this.spans.shown.at(-1)?.from_ms ?? 0);
    const old = (at_ms) => at_ms < now - OLD_MS;
    const cutHere = (line) => entries.some((entry) => entry.role === "agent" && entry.interrupted
      && entry.end_ms >= line.start_ms - 1 && clean(entry.text) === clean(line.cut.heard));
    this.said = this.said.filter((turn) => !has("caller", turn.end_ms, clean(turn.text)) && !old(turn.at_ms));
    for (const [turn, line] of this.speaking) {
      const open = (part) => (part.heard ? !has("agent", line.start_ms, clean(part.text)) && !old(part.at_ms) : !old(part.span.to_ms));
      const kept = line.parts.filter(open);
      const told = line.cut && (!line.cut.heard || old(line.cut.at_ms) || cutHere(line));
      if (told || (!line.cut && !kept.length)) this.speaking.delete(turn);
      else if (kept.length < line.parts.length && !line.cut) this.speaking.set(turn, { ...line, parts: kept, goesOn: true });
    }
    const same = (one, other) => ["heard_ms", "first_token_ms", "first_audio_ms"].every((name) => one[name] === other[name]);
    this.stages = this.stages.filter((stage) => !(record.turns || []).some((turn) => same(turn, stage)));
  }

  close() {
    this.partial = null;
    this.said = [];
    this.speaking.clear();
    this.spans.close(this.record?.duration_ms);
  }

  get lines() {
    const lines = [...this.known];
    const at = lines.findLastIndex((each) => each.role !== "tool");
    const last = lines[at];
    const newer = [];
    const put = (line) => newer.push({ ...BLANK, ...line });
    const isIn = (line) => last?.role === "agent" && (line.goesOn
      || (last.end_ms > line.start_ms && line.parts.some((part) => whole(last).includes(clean(part.text)))));
    // Of a call that another process holds no moment tells whether it is cut off: the last line may go on.
    if (["elsewhere", "lost"].includes(this.call?.state) && !this.ending && last?.role === "agent" && last.interrupted) {
      lines[at] = { ...last, ...running(whole(last), clean(last.text).length, []) };
    }
    for (const line of this.speaking.values()) {
      if (line.cut) {
        const { heard, meant, at_ms } = line.cut;
        const told = { text: heard, rest: restOf(heard, meant), coming: "", interrupted: true, end_ms: at_ms };
        if (isIn(line) && clean(meant).startsWith(clean(last.text))) lines[at] = { ...last, ...told };
        else put({ ...told, start_ms: line.start_ms });
      } else if (isIn(line)) lines[at] = { ...last, ...running(whole(last), clean(last.text).length, line.parts) };
      else put({ ...running("", 0, line.parts), start_ms: line.start_ms, end_ms: line.start_ms });
    }
    for (const turn of this.said) put({ role: "caller", ...turn });
    if (this.partial) {
      const { text, start_ms, at_ms } = this.partial;
      put({ role: "caller", text, state: "partial", start_ms, end_ms: at_ms });
    }
    const count = { caller: 0, agent: 0, tool: 0 };
    for (const line of lines) count[line.role] += 1;
    return [...lines, ...keyed(newer.sort((one, other) => one.start_ms - other.start_ms), count)];
  }

  // What was before the first of them, and a call that is held elsewhere, as its record tells it.
  get moments() {
    const { shown } = this.spans;
    const first = shown.reduce((least, each) => Math.min(least, each.from_ms), Infinity);
    return inOrder([...this.before.filter((each) => (each.to_ms ?? each.from_ms) < first), ...shown]);
  }
}
