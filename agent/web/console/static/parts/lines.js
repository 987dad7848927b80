// A record's entries as lines to be read. Pure.

// Of what was cut short: the words that were meant and not heard. `meant` has them behind what was heard.
export function restOf(text, meant) {
  if (!meant) return "";
  const heard = text.trim();
  return meant.startsWith(heard) ? meant.slice(heard.length).trim() : meant.trim();
}

// A line: {key, role, text, rest, start_ms, end_ms, interrupted, aside, keys, tool, arguments}, and while a call goes on
// `state`: "partial" (may change), "coming" (not heard yet), "" (as it is in the record).
export function linesOf(record) {
  return record.entries.map((entry, n) => ({
    key: `${entry.role}-${n}`,
    role: entry.role,
    text: entry.text,
    rest: entry.interrupted ? restOf(entry.text, entry.meant) : "",
    start_ms: entry.start_ms,
    end_ms: entry.end_ms,
    interrupted: Boolean(entry.interrupted),
    aside: Boolean(entry.aside),
    keys: entry.keys || "",
    tool: entry.tool || "",
    arguments: entry.arguments || "",
    state: "",
  }));
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
