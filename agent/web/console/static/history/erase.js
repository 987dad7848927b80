// Erase a caller: what goes is said before, what went afterwards.
import { ask, get } from "../api.js";
import { html, useRef, useState } from "../ui.js";
import { other } from "./words.js";

const MOST = 100;

export function Erase({ record, session }) {
  const dialog = useRef(null);
  const [there, count] = useState(null);
  const [state, go] = useState({ busy: false, fault: "", erased: null });
  const number = other(record);
  if (!session.scopes.includes("admin") || !number) return null;
  const open = async () => {
    go({ busy: false, fault: "", erased: null });
    count(null);
    dialog.current.showModal();
    try {
      count(await get("api/calls", { number, limit: MOST }));
    } catch (error) {
      go({ busy: false, fault: error.message, erased: null });
    }
  };
  const erase = async () => {
    go({ busy: true, fault: "", erased: null });
    try {
      const response = await ask("DELETE", `api/callers/${encodeURIComponent(number)}`);
      go({ busy: false, fault: "", erased: await response.json() });
    } catch (error) {
      go({ busy: false, fault: error.message, erased: null });
    }
  };
  return html`
    <section class="card" aria-labelledby="erase"><h2 id="erase">Erase this person's data</h2>
      <p><small>Everything that is kept of ${number}, not of this call alone.</small></p>
      <button class="danger" onClick=${open}>Erase…</button>
      <dialog class="erase" ref=${dialog} aria-labelledby="erase-what">
        <h2 id="erase-what">Erase all of ${number}?</h2>
        ${state.erased ? html`<${Gone} erased=${state.erased} />` : html`<${Goes} there=${there} number=${number} />`}
        ${state.fault && html`<p class="fault" role="alert">${state.fault}</p>`}
        <div class="row spread">
          ${state.erased
            ? html`<a class="button" href="#/calls">To all calls</a>`
            : html`<button onClick=${() => dialog.current.close()}>Keep it</button>
              <button class="bad" disabled=${state.busy || !there} onClick=${erase}>${state.busy ? "Erasing…" : "Erase for good"}</button>`}
        </div>
      </dialog>
    </section>`;
}

const mine = (calls, number) => calls.filter((call) => other(call) === number);

function Goes({ there, number }) {
  if (!there) return html`<p role="status" class="dim">Looking at what there is…</p>`;
  const calls = mine(there.calls, number);
  const sounds = calls.filter((call) => call.recording).length;
  const more = there.next ? " at least" : "";
  return html`
    <p>This cannot be undone. These go:</p>
    <ul>
      <li><strong>${calls.length}</strong>${more} ${calls.length === 1 ? "call" : "calls"}: what was said, facts, scores, summaries</li>
      <li><strong>${sounds}</strong>${more} ${sounds === 1 ? "recording" : "recordings"}</li>
      <li>orders of calls to them, and what journals and recorded sessions on this machine have of these calls</li>
    </ul>
    <p><small>An entry on the do-not-call list stays: it is what keeps them from being called. Calls that go on are not erased.
      Two lines of who erased when go into the audit log, with the number's last two digits.</small></p>`;
}

function Gone({ erased }) {
  return html`<p role="status">Erased: ${erased.records} ${erased.records === 1 ? "record" : "records"}, ${erased.recordings} ${
    erased.recordings === 1 ? "recording" : "recordings"}.${erased.goes_on ? ` ${erased.goes_on} still going on: erase again when it is over.` : ""}${
    erased.elsewhere ? ` ${erased.elsewhere} journals of other servers still tell of these calls, until they are written anew.` : ""}</p>`;
}
