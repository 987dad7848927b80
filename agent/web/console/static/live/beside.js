// What the list shows beside the list: how to get a first call, and what became of the last ones.
import { html } from "../ui.js";
import { inWords } from "../parts/endings.js";
import { person } from "./names.js";

export function Empty() {
  return html`<section class="card empty">
    <h2>Nobody is on the line</h2>
    <p>Calls appear here by themselves, within a second. To make one:</p>
    <ul>
      <li><a href="#/call">Talk to the agent in this browser</a>, or</li>
      <li>call from a terminal on this machine:
        <code class="block">.venv/bin/calling-agent call --say "Hello, I am looking for a two bedroom flat in Whitefield."</code></li>
      <li>or <a href="#/place">let it call somebody</a>, where a Twilio account is set up.</li>
    </ul>
    <p>Calls that are over are in the <a href="#/calls">history</a>.</p>
  </section>`;
}

export function Over({ calls }) {
  return calls.length > 0 && html`<section class="over" aria-label="Calls that have just ended">
    <h2>Just ended</h2>
    <ul>${calls.map((call) => html`<li key=${call.call_sid}><a href=${`#/calls/${call.call_sid}`}>${person(call)}</a>
      <span class="dim">${inWords(call.ending)}</span></li>`)}</ul>
  </section>`;
}
