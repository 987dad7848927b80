// Why a caller scores what they score: every line of the sum, with the words it rests on.
import { get } from "../api.js";
import { duration } from "../format.js";
import { html, useEffect, useState } from "../ui.js";
import { idOf } from "./evidence.js";
import { unearned } from "./unearned.js";
import { factName, point } from "./words.js";

const signed = (points) => (points < 0 ? `−${-points}` : `+${points}`);

export function Score({ lead, places, choose, chosen }) {
  const sum = lead.points.reduce((all, each) => all + each.points, 0);
  let so_far = 0;
  return html`
    <section class="card" aria-labelledby="why-score" id="score">
      <h2 id="why-score">Why ${lead.score} of 100</h2>
      ${lead.points.length === 0 ? html`<p class="dim">The caller has told nothing that counts.</p>` : html`
      <div class="scroll"><table class="sum">
        <caption class="unseen">Each line of the score: choose one to see the caller's words for it</caption>
        <thead><tr><th class="figure" scope="col">Points</th><th scope="col">For</th><th scope="col" class="wide"><span class="unseen">From 0 to 100</span></th></tr></thead>
        <tbody>${lead.points.map((each) => {
          const [from, to] = [so_far, (so_far += each.points)];
          const id = idOf(each);
          return html`<tr class=${id === chosen ? "chosen" : ""}>
            <td class=${`figure ${each.points < 0 ? "less" : "more"}`}>${signed(each.points)}</td>
            <td><${Told} fact=${each} place=${places.get(id)} choose=${choose} label=${`${factName(each.fact)}: ${each.value}`} more=${point(each)} /></td>
            <td class="wide"><${Step} from=${from} to=${to} /></td></tr>`;
        })}</tbody>
        <tfoot><tr><td class="figure"><strong>${sum}</strong></td>
          <td colspan="2">${sum === lead.score ? "in all" : `in all, which counts as ${lead.score}: a score is from 0 to 100`}</td></tr></tfoot>
      </table></div>`}
      <${Unearned} points=${lead.points} />
    </section>`;
}

function Unearned({ points }) {
  const [table, tell] = useState(null);
  useEffect(() => {
    let gone = false;
    get("api/score").then(({ facts }) => gone || tell(facts), () => {});
    return () => { gone = true; };
  }, []);
  const more = table ? unearned(table, points) : [];
  if (!more.length) return null;
  return html`<p class="unearned"><small>What more could have counted: ${more.map((each) => `${factName(each.fact)} +${each.points}`).join(", ")}.</small></p>`;
}

// Where a line takes the sum, between 0 and 100.
function Step({ from, to }) {
  const within = (n) => Math.min(100, Math.max(0, n));
  const [low, high] = [within(Math.min(from, to)), within(Math.max(from, to))];
  return html`<span class="track" aria-hidden="true"><span class=${to < from ? "less" : "more"} style=${{ left: `${low}%`, width: `${Math.max(high - low, 1)}%` }}></span></span>`;
}

// A fact that can be gone to, where it is in the transcript.
export function Told({ fact, place, choose, label, more }) {
  const words = fact.evidence || fact.utterance;
  const quoted = html`<span class="fact"><strong>${label}</strong>${more && html` <small>${more}</small>`}
    ${words && html`<q>${words}</q>`}${place && place.line !== null && html`<small class="figure"> at ${duration(fact.said_ms ?? 0)}</small>`}</span>`;
  if (!place || place.line === null) return html`${quoted}${!words && html`<small> noted without the caller's words</small>`}`;
  return html`<button class="quiet words" onClick=${() => choose(place)} title="Show it in the transcript">${quoted}</button>`;
}
