// Why a call was found: the first line that has one of the words, or what the call came to. Pure.
import { found, pieces } from "./evidence.js";

const BEFORE = 40;
const LENGTH = 160;

// [{ text, marked }], not longer than two lines of a table.
export function excerpt(record, search = "") {
  const texts = [...record.entries.filter((entry) => entry.role !== "tool").map((entry) => entry.text), record.summary];
  const hit = search && texts.map((text) => [text, found(text, search)]).find(([, spans]) => spans.length);
  if (!hit) return [{ text: cut(record.summary || lastWords(record), 0), marked: false }];
  const [text, spans] = hit;
  const start = Math.max(0, spans[0].from - BEFORE);
  const end = start + LENGTH;
  const within = spans.filter((span) => span.to <= end).map((span) => ({ from: span.from - start, to: span.to - start }));
  return pieces(cut(text, start), within).map((piece) => ({ text: piece.text, marked: piece.spans.length > 0 }));
}

const cut = (text, start) => `${start ? "…" : ""}${text.slice(start ? start + 1 : 0, start + LENGTH)}${text.length > start + LENGTH ? "…" : ""}`;
const lastWords = (record) => record.entries.findLast((entry) => entry.role === "caller")?.text || "";
