// A call's moments (docs/console.md) as what was said, in order, for captions. Pure.
//
// A line of the caller: {key, role: "caller", text, state: "partial" | "", aside, keys}. One of the agent: {key, role:
// "agent", turn, pieces: [{piece, mark, text, state: "coming" | "heard" | "gone"}], cut: {heard, rest} | null, stages}. One of
// neither: {key, role: "note", text}.

export class Talk {
  constructor() {
    this.lines = [];
    this.partial = null;
    this.state = "";
    this.keys = 0;
    this.marks = new Set(); // of the media stream, that were at the ear
  }

  take(moment) {
    const { kind } = moment;
    if (kind === "state") this.state = moment.state;
    else if (kind === "partial") this.partial = moment.text ? this.line("caller", { text: moment.text, state: "partial" }) : null;
    else if (kind === "turn") this.said(moment.text, {}, moment);
    else if (kind === "backchannel") this.said(moment.what, { aside: true });
    else if (kind === "no words") this.partial = null;
    else if (kind === "keys") this.said("", { keys: moment.keys });
    else if (kind === "say") this.say(moment);
    else if (kind === "mark") this.played(moment.piece);
    else if (kind === "cut") this.cut(moment);
    else if (kind === "going on") this.goOn();
    else if (kind === "stage") this.agent(moment.turn, moment.at_ms).stages = moment;
    else if (kind === "tool") this.lines.push(this.line("note", { at_ms: moment.at_ms, text: moment.fault ? `${moment.name} failed` : `ran ${moment.name}` }));
  }

  // All that there is to show, the words that may still change last.
  shown() {
    return this.partial ? [...this.lines, this.partial] : this.lines;
  }

  say({ turn, piece, text, mark, at_ms = 0 }) {
    this.agent(turn, at_ms).pieces.push({ piece, text, mark, state: this.marks.has(mark) ? "heard" : "coming" });
  }

  // All up to this piece was heard: pieces are counted through.
  played(piece) {
    for (const line of this.lines) {
      for (const each of line.pieces || []) if (each.state === "coming" && each.piece <= piece) each.state = "heard";
    }
  }

  // The same told here, before the server tells it.
  marked(mark) {
    this.marks.add(mark);
    for (const line of this.lines) {
      for (const each of line.pieces || []) if (each.mark === mark) this.played(each.piece);
    }
  }

  // What was on its way will not be heard: said at once, the record's words (`cut`) follow.
  cleared() {
    for (const line of this.lines) {
      for (const each of line.pieces || []) if (each.state === "coming") each.state = "gone";
    }
  }

  line(role, more) {
    this.keys += 1;
    return { key: `${role}-${this.keys}`, role, ...more };
  }

  // Where a record has it: words that took long to be understood are before what the agent said meanwhile.
  said(text, more = {}, { start_ms = Infinity, end_ms = Infinity } = {}) {
    this.partial = null;
    const last = Math.max(0, ...this.lines.map(({ at_ms }) => at_ms));
    const at_ms = end_ms > last ? Math.max(start_ms === Infinity ? 0 : start_ms, last) : start_ms;
    const behind = this.lines.findLastIndex((line) => line.at_ms <= at_ms);
    this.lines.splice(behind + 1, 0, this.line("caller", { text, state: "", at_ms, ...more }));
  }

  // The agent's line that this turn goes on with: as in a record, the last one, unless there is something behind it.
  agent(turn, at_ms) {
    const last = this.lines.at(-1);
    if (last?.role === "agent" && last.turn === turn && !last.cut) return last;
    const line = this.line("agent", { turn, at_ms, pieces: [], cut: null, stages: null });
    this.lines.push(line);
    return line;
  }

  // `heard` and `meant` are of the turn's last line: where it went on behind something of the caller, of that part.
  cut({ turn, heard, meant }) {
    const line = this.lines.findLast((each) => each.role === "agent" && each.turn === turn && each.pieces.length);
    if (!line) return;
    for (const each of line.pieces) if (each.state === "coming") each.state = "gone";
    const all = line.pieces.map(({ text }) => text).join(" ");
    const rest = meant.startsWith(heard) ? meant.slice(heard.length).trim() : meant;
    line.cut = { heard, rest: rest || (heard ? "" : all) };
  }

  // It was no interruption: what was cut off will be said after all.
  goOn() {
    const line = this.lines.findLast((each) => each.role === "agent");
    if (!line?.cut) return;
    line.pieces = line.cut.heard ? [{ piece: 0, text: line.cut.heard, state: "heard" }] : [];
    line.cut = null;
  }

  // The call is over: of its last words, the record knows what was heard.
  settle(record) {
    const last = record.entries.findLast(({ role }) => role === "agent");
    const line = this.lines.findLast((each) => each.role === "agent" && each.pieces.length);
    this.partial = null;
    if (!line || line.cut || line.pieces.every(({ state }) => state === "heard")) return;
    const meant = line.pieces.map(({ text }) => text).join(" ");
    this.cut({ turn: line.turn, heard: last && meant.startsWith(last.text) ? last.text : "", meant });
  }
}

// What a line of the agent says: {heard, coming, gone}, texts of which each may be empty.
export function parts(line) {
  const texts = (state) => line.pieces.filter((each) => each.state === state).map(({ text }) => text).join(" ");
  if (line.cut) return { heard: line.cut.heard, coming: "", gone: line.cut.rest };
  return { heard: texts("heard"), coming: texts("coming"), gone: texts("gone") };
}

export const median = (values) => {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
