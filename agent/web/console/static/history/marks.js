// The marks that facts leave on a line's words, as the transcript takes them. Pure.
import { pieces } from "./evidence.js";
import { factName } from "./words.js";

// `facts` are those of this line (see `placed`); `chosen` is the id of one of them. A fact whose words are not known marks
// the whole line, once it is chosen.
export function marksOn(text, facts, chosen) {
  const spans = facts.flatMap((fact) => {
    if (fact.from !== undefined) return [fact];
    return fact.id === chosen ? [{ ...fact, from: 0, to: text.length }] : [];
  });
  let at = 0;
  return pieces(text, spans).flatMap((piece) => {
    const from = at;
    at += piece.text.length;
    if (!piece.spans.length) return [];
    const title = [...new Set(piece.spans.map((fact) => factName(fact.fact)))].join(", ");
    return [{ from, to: at, title, strong: piece.spans.some((fact) => fact.id === chosen) }];
  });
}
