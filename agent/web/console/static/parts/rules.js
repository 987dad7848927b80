// Whether a call would be placed: every rule, and what it says of this call.
import { html } from "../ui.js";

const RULES = [
  ["carrier", "The carrier is set up"],
  ["caller-id", "The number we call from is ours"],
  ["number", "A person may be behind the number"],
  ["country", "We call that country"],
  ["do-not-call", "They have not asked not to be called"],
  ["hours", "It is within calling hours where they are"],
  ["attempts", "They have not been called too often today"],
  ["budget", "There is money left for it"],
  ["busy", "A line is free"],
];
const OF_THE_NUMBER = new Set(["country", "do-not-call", "hours", "attempts"]);

export function Rules({ verdict }) {
  const refused = new Map(verdict.refused.map((each) => [each.rule, each.detail]));
  const state = (rule) => {
    if (refused.has(rule)) return ["no", "✕", "no"];
    // Of a number that is none, nothing else is known.
    return refused.has("number") && OF_THE_NUMBER.has(rule) ? ["unknown", "–", "not looked at"] : ["yes", "✓", "yes"];
  };
  return html`<ul class="rules">${RULES.map(([rule, words]) => {
    const [kind, sign, word] = state(rule);
    return html`<li class=${kind}><span class="sign" aria-hidden="true">${sign}</span>
      <div>${words} <span class="unseen">: ${word}</span>${refused.has(rule) && html`<br /><strong>${refused.get(rule)}</strong>`}</div></li>`;
  })}</ul>`;
}
