// A live call's moments as the line of time shows them: in lanes, with the length that they have had so far. Pure but for what
// it has taken.
import { stagesFrom } from "../parts/moments.js";

export const LANES = ["caller", "agent", "vad", "turns", "barge-ins", "clears", "marks"];

const MOST = 20_000; // an hour of lively talk

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

export class Spans {
  constructor() {
    this.shown = [];
    this.count = 0;
    this.vad = null;
    this.pieces = []; // of the agent, that may still be cut
    this.agentEnd = 0;
    this.running = []; // tools
  }

  put(lane, from_ms, title, words = "", tone = "", to_ms = null) {
    if (this.shown.length >= MOST) this.shown.splice(0, MOST / 10);
    const moment = { key: `m${(this.count += 1)}`, lane, from_ms, to_ms, title, words, tone };
    this.shown.push(moment);
    return moment;
  }

  take(m) {
    if (m.kind === "vad") this.voice(m);
    else if (m.kind === "turn") this.put("caller", m.start_ms, "speaks", m.text, "", m.end_ms);
    else if (m.kind === "say") this.say(m);
    else if (m.kind === "mark") this.mark(m);
    else if (m.kind === "keys") this.put("caller", m.at_ms, `presses ${m.keys}`);
    else if (m.kind === "tool") this.tool(m);
    else if (m.kind === "ending") this.put("turns", m.at_ms, `the call ends: ${m.ending}`, m.reason || "", "bad");
    else if (POINTS[m.kind]) {
      const [lane, title, tone] = POINTS[m.kind];
      if (m.kind === "clear") this.clear(m.at_ms);
      this.put(lane, m.at_ms, title, m.what || "", tone);
    }
  }

  // `turn` as turnsOf makes it.
  stages(turn) {
    this.shown.push(...stagesFrom(turn));
  }

  voice(m) {
    if (m.speech && !this.vad) {
      this.vad = this.put("vad", m.since_ms, "the caller is heard");
      this.vad.going = true;
    } else if (!m.speech && this.vad) this.silent(m.since_ms);
  }

  silent(at_ms) {
    Object.assign(this.vad, { to_ms: Math.max(at_ms, this.vad.from_ms), going: false });
    this.vad = null;
  }

  say(m) {
    const from_ms = Math.max(m.at_ms, this.agentEnd);
    this.agentEnd = from_ms + m.ms;
    const span = this.put("agent", from_ms, "speaks", m.text, "", this.agentEnd);
    this.pieces.push({ turn: m.turn, piece: m.piece, span });
    return span;
  }

  mark(m) {
    this.put("marks", m.at_ms, `turn ${m.turn}, piece ${m.piece} was played`);
    const n = this.pieces.findIndex((each) => each.turn === m.turn && each.piece === m.piece);
    if (n < 0) return;
    const [{ span }] = this.pieces.splice(n, 1);
    span.to_ms = Math.max(Math.min(span.to_ms, m.at_ms), span.from_ms); // an estimate until now
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

  // Told twice: when it is begun, and with its length when it is over.
  tool(m) {
    const over = m.ms !== undefined;
    const n = this.running.findIndex((each) => each.title === m.name);
    const span = over && n >= 0 ? this.running.splice(n, 1)[0] : this.put("tools", m.at_ms - (m.ms ?? 0), m.name);
    if (over) Object.assign(span, { to_ms: m.at_ms, going: false, words: m.fault || "", tone: m.fault ? "bad" : "" });
    else {
      span.going = true;
      this.running.push(span);
    }
  }

  close(at_ms) {
    if (this.vad) this.silent(at_ms ?? this.vad.from_ms);
    for (const span of this.running) Object.assign(span, { to_ms: at_ms ?? span.from_ms, going: false });
    this.running = [];
  }
}
