// A record's entries as lines to be read. Pure.

// Of what was cut short: the words that were meant and not heard. `meant` has them behind what was heard.
export function restOf(text, meant) {
  if (!meant) return "";
  const heard = text.trim();
  return meant.startsWith(heard) ? meant.slice(heard.length).trim() : meant.trim();
}

// A line. While a call goes on, `coming` is what is not heard yet, and `state` "partial" where the text may change.
export const BLANK = { role: "agent", text: "", rest: "", coming: "", start_ms: 0, end_ms: 0, interrupted: false, aside: false,
  keys: "", tool: "", arguments: "", state: "" };

export function linesOf(record) {
  return keyed(record.entries.map(({ meant, ...entry }) => ({
    ...BLANK,
    ...entry,
    rest: entry.interrupted ? restOf(entry.text, meant) : "",
  })));
}

// Each by its side and number: it stays the same line while it grows. `count`: of those before.
export function keyed(lines, count = { caller: 0, agent: 0, tool: 0 }) {
  return lines.map((line) => ({ ...line, key: `${line.role}-${(count[line.role] += 1)}` }));
}

// The line that is being spoken then: the last that has begun and is not over, else null.
export const lineAt = (lines, at_ms) =>
  lines.findLast((line) => line.role !== "tool" && line.start_ms <= at_ms && at_ms < line.end_ms) || null;

const SPEAKERS = { caller: "Caller", agent: "Agent", tool: "Tool" };
export const speaker = (line) => SPEAKERS[line.role];

// What a line tells beside its words.
export const notes = (line) => [
  line.aside && "only showed that they listen",
  line.keys && `keys ${line.keys}`,
  line.state === "partial" && "not finished",
  line.interrupted && "interrupted",
].filter(Boolean);
