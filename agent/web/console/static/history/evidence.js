// Where in the transcript a fact's words are. Pure.

// What tells a fact from another: objections are several of one name.
export const idOf = ({ fact, value }) => `${fact}: ${value}`;

// Each fact with its `line`, the number of the entry that has it, or null; and, where its words are known, `from` where
// `to` where in that entry's text they are.
export const placed = (entries, facts) =>
  facts.map((fact) => {
    const line = lineOf(entries, fact);
    const where = line < 0 ? {} : span(entries[line].text, fact.evidence);
    return { ...fact, id: idOf(fact), line: line < 0 ? null : line, ...where };
  });

function lineOf(entries, fact) {
  const said = (entry) => entry.role === "caller";
  const at = entries.findIndex((e) => said(e) && fact.said_ms !== undefined && e.start_ms === fact.said_ms && fits(e, fact));
  if (at >= 0) return at;
  return entries.findIndex((e) => said(e) && (fact.utterance ? e.text === fact.utterance : fact.evidence && fits(e, fact)));
}

const fits = (entry, fact) => !fact.evidence || span(entry.text, fact.evidence).from !== undefined;

const WORD = /[\p{L}\p{M}\p{N}]+/gu;

// By words, whatever their case and what is between them: evidence is as it was heard, not as it is written.
export function span(text, evidence = "") {
  const wanted = (evidence.match(WORD) || []).map((word) => word.toLowerCase());
  if (!wanted.length) return {};
  const words = [...text.matchAll(WORD)];
  for (let n = 0; n + wanted.length <= words.length; n += 1) {
    if (wanted.every((word, k) => words[n + k][0].toLowerCase() === word)) {
      const last = words[n + wanted.length - 1];
      return { from: words[n].index, to: last.index + last[0].length };
    }
  }
  return {};
}

// A text in pieces, each with those of the spans that it is in: [{ text, spans }], in order, nothing left out.
export function pieces(text, spans) {
  const cuts = [...new Set([0, text.length, ...spans.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b);
  return cuts.slice(1).map((end, n) => ({
    text: text.slice(cuts[n], end),
    spans: spans.filter(({ from, to }) => from <= cuts[n] && end <= to),
  }));
}

// Words that somebody searches for, as spans; a store finds whole words, whatever their case.
export function found(text, search) {
  const wanted = new Set((search.match(WORD) || []).map((word) => word.toLowerCase()));
  return [...text.matchAll(WORD)]
    .filter(([word]) => wanted.has(word.toLowerCase()))
    .map((match) => ({ from: match.index, to: match.index + match[0].length }));
}
