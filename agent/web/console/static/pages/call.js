// The softphone: a telephone to the agent, in the page.
import { Bubbles } from "../phone/bubbles.js";
import { Controls, Orb, words } from "../phone/controls.js";
import { float } from "../phone/floating.js";
import { phone } from "../phone/phone.js";
import { Summary } from "../phone/summary.js";
import { TypeBox } from "../phone/type_box.js";
import { useFocus, usePhone } from "../phone/use.js";
import { html, useState } from "../ui.js";

float();

const IDEAS = [
  "“I am looking for a two bedroom flat in Whitefield.”",
  "Interrupt in the middle of a sentence: “wait, what about Indiranagar?”",
  "Say “mm-hm” while the agent speaks: it goes on.",
  "“I would like to talk to a person.”",
];

function Ideas({ about }) {
  return html`<div class="ideas">
    <h2>Things to try</h2>
    <ul>${IDEAS.map((idea) => html`<li key=${idea}>${idea}</li>`)}</ul>
    <p class="dim">What you say goes to this server${about.records_sound ? ", which records the sound of calls and says so first" : ""}.
      Every call is kept: what was said, what it cost, where the time went.</p>
  </div>`;
}

// `given` is what the call begins with; `children` stands between the button and the hint.
export function Dial({ about, given = {}, name = `Call ${about.agent}`, children }) {
  const begin = (microphone) => void phone.call(given, { microphone }).catch(() => {}); // the state tells
  const button = useFocus(phone.state.stage === "over");
  return html`
    ${children}
    <button ref=${button} class="main begin" onClick=${() => begin(true)}>${name}</button>
    <button class="quiet" onClick=${() => begin(false)}>Call without a microphone</button>`;
}

export default function Page({ about }) {
  const state = usePhone();
  const [line, choose] = useState("");
  const busy = phone.busy;
  const [title, hint] = words(state);
  const said = state.captions?.talk.shown().length > 0;
  return html`<h1 class="unseen">Call</h1>
    <div class="softphone">
      <section class="card handset" aria-label="Telephone">
        <${Orb} state=${state} letter=${about.agent.slice(0, 1)} />
        <div class="now">
          <strong>${about.agent}</strong>
          <span class="state" role="status">${title}</span>
          ${hint && html`<small>${hint}</small>`}
        </div>
        ${busy ? html`<${Controls} state=${state} />` : html`
          ${state.fault && html`<p class="fault" role="alert">${state.fault}</p>`}
          ${state.stage === "over" && html`<${Summary} state=${state} />`}
          <${Dial} about=${about} given=${line ? { line } : {}} name=${state.stage === "over" ? "Call again" : undefined}>
            ${about.lines.length > 0 && html`<label for="line">Line</label>
              <select id="line" value=${line} onChange=${({ target }) => choose(target.value)}>
                <option value="">as the settings say</option>
                ${about.lines.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
              </select>`}
          <//>`}
      </section>
      <section class="card talk" aria-label="Captions">
        ${state.captions?.waiting && html`<p class="warn" role="status">Captions wait for the server.</p>`}
        ${said || state.stage === "talking" ? html`<${Bubbles} captions=${state.captions} name=${about.agent} />` : html`<${Ideas} about=${about} />`}
        ${state.stage === "talking" && html`<${TypeBox} on />`}
      </section>
    </div>`;
}
