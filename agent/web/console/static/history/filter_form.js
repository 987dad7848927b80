// What to look for. Every change goes into the address.
import { html, useEffect, useRef } from "../ui.js";
import { FILTERS, SORTS, changed, hashOf, isFiltered } from "./filters.js";
import { inWords } from "../parts/endings.js";
import { ENDING_NAMES } from "./words.js";

const DAY = /^\d{4}-\d\d-\d\d$/;

export function FilterForm({ query, faults }) {
  const form = useRef(null);
  useEffect(() => {
    const pressed = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
      event.preventDefault();
      form.current.elements.q.focus();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const go = (event) => {
    event?.preventDefault();
    const given = Object.fromEntries([...FILTERS, "sort"].map((name) => [name, form.current.elements[name].value.trim()]));
    location.hash = hashOf(changed(query, given));
  };
  const field = (name, label, input) => html`
    <div class=${`field ${name}`}><label for=${`f-${name}`}>${label}</label>${input}
      ${faults[name] && html`<small class="fault-ink" id=${`f-${name}-fault`}>${faults[name]}</small>`}</div>`;
  const input = (name, rest) => html`<input id=${`f-${name}`} name=${name} value=${query[name] || ""} aria-invalid=${faults[name] ? "true" : undefined}
    aria-describedby=${faults[name] ? `f-${name}-fault` : undefined} ...${rest} />`;
  const day = (name) => ({ type: !query[name] || DAY.test(query[name]) ? "date" : "text", onChange: go });
  const wide = matchMedia("(min-width: 761px)").matches;
  return html`
    <form class="card filters" role="search" ref=${form} onSubmit=${go}>
      <div class="first">
        ${field("q", "Words said, or in the summary", input("q", { type: "search", maxlength: 200, placeholder: "flat whitefield", "aria-keyshortcuts": "/" }))}
        <button class="main">Search</button>
        ${isFiltered(query) && html`<a class="button" href=${hashOf({ sort: query.sort })}>Clear</a>`}
      </div>
      <details open=${wide || isFiltered({ ...query, q: "" })}><summary>Filters and order</summary><div class="more">
        ${field("number", "Number", input("number", { inputmode: "tel", autocomplete: "off", maxlength: 60, placeholder: "+91 98765 43210" }))}
        ${field("since", "From", input("since", day("since")))}
        ${field("until", "To", input("until", day("until")))}
        ${field("ending", "Ended by", html`<select id="f-ending" name="ending" value=${query.ending || ""} onChange=${go}>
          <option value="">anything</option>${ENDING_NAMES.map((name) => html`<option value=${name}>${name === "goes_on" ? "Goes on" : inWords(name)}</option>`)}</select>`)}
        ${field("min_score", "Score from", input("min_score", { type: "number", min: 0, max: 100, placeholder: "0", onChange: go }))}
        ${field("max_score", "to", input("max_score", { type: "number", min: 0, max: 100, placeholder: "100", onChange: go }))}
        ${field("sort", "Order", html`<select id="f-sort" name="sort" value=${query.sort || "newest"} onChange=${go}>
          ${SORTS.map((sort) => html`<option value=${sort.name}>${sort.title}</option>`)}</select>`)}
      </div></details>
    </form>`;
}
