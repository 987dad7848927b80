// What was said, line by line: what was heard solid, what was cut off struck. With a finished record:
// lines=${linesOf(record)}.
import { duration } from "../format.js";
import { html, once } from "../ui.js";
import { lineAt, linesOf, notes, speaker } from "./lines.js";

export { linesOf, lineAt };

// The words with marks over [from, to) of the text: [{from, to, id?, strong?, title?}], in order and apart from each other.
function Words({ text, marks }) {
  if (!marks?.length) return text;
  const parts = [];
  let at = 0;
  for (const mark of marks) {
    parts.push(text.slice(at, mark.from), html`<mark id=${mark.id} class=${mark.strong ? "strong" : ""} title=${mark.title}>${text.slice(mark.from, mark.to)}</mark>`);
    at = mark.to;
  }
  return [...parts, text.slice(at)];
}

function Tool({ line }) {
  return html`<details><summary><code>${line.tool}</code></summary>
    <dl><dt>Asked</dt><dd><code>${line.arguments || "{}"}</code></dd><dt>Answered</dt><dd><code>${line.text}</code></dd></dl></details>`;
}

// A call may have a thousand of them, of which one is another than before.
const Said = once(({ line, pick, current, marks }) => {
  const at = duration(line.start_ms);
  const told = notes(line);
  return html`<li class=${`said ${line.role} ${line.state}${pick ? " plays" : ""}`} id=${`line-${line.key}`} tabindex="-1" aria-current=${current ? "true" : undefined}
      aria-live=${line.state === "partial" ? "off" : undefined}>
    ${pick
      ? html`<button class="quiet at" aria-label=${`Play from ${at}: ${speaker(line)}`} onClick=${() => pick(line)}>${at}</button>`
      : html`<span class="at figure">${at}</span>`}
    <span class="who">${speaker(line)}</span>
    <div class="words" onClick=${pick && line.role !== "tool" ? () => getSelection().isCollapsed && pick(line) : undefined}>
      ${line.role === "tool" ? html`<${Tool} line=${line} />` : html`<p>
        <${Words} text=${line.text} marks=${marks} />
        ${line.coming && html`${" "}<span class="coming">${line.coming}</span>`}
        ${line.rest && html`${" "}<span class="unseen">Cut off here. Would have said: </span><s>${line.rest}</s>`}
      </p>`}
      ${told.length > 0 && html`<small>${told.join(", ")}</small>`}
    </div>
  </li>`;
});

// Of a call that goes on, a line that has not changed is the same object, and its tree, once made, is not looked at again.
const made = new WeakMap();
function growing(line) {
  if (!made.has(line)) made.set(line, html`<${Said} key=${line.key} line=${line} />`);
  return made.get(line);
}

// `pick(line)`: a line was pressed; its time is the button for it. `before(line)`: what stands above a line. `current`: the key of
// the line that is being spoken. `marked(line)`: marks on its words. `live`: it grows, and what comes is read out.
export function Transcript({ lines, pick, current, marked, before, live }) {
  return html`<div class="transcript" role=${live ? "log" : undefined} aria-label=${live ? "What is being said" : undefined}>
    ${lines.length
      ? html`<ol>${live ? lines.map(growing) : lines.map((line) => [before?.(line), html`<${Said} key=${line.key} line=${line} pick=${pick}
          current=${line.key === current} marks=${marked?.(line)} />`])}</ol>`
      : html`<p class="dim">Nothing has been said yet.</p>`}
  </div>`;
}
