// Try the agent: other words and guards for the next call alone, side by side with the call before.
import { Problem, get } from "../api.js";
import { restOf } from "../parts/lines.js";
import { turnsOf } from "../parts/stages.js";
import { Bubbles } from "../phone/bubbles.js";
import { Compare } from "../phone/compare.js";
import { Controls, Orb, words } from "../phone/controls.js";
import { float } from "../phone/floating.js";
import { phone } from "../phone/phone.js";
import { Summary, figuresOf } from "../phone/summary.js";
import { bodyOf, draftOf, recall, remember } from "../phone/tries.js";
import { TryForm } from "../phone/try_form.js";
import { TypeBox } from "../phone/type_box.js";
import { useFocus, usePhone } from "../phone/use.js";
import { html, useEffect, useState } from "../ui.js";

float();

// What is kept of a call that is over.
const kept = (state) => {
  const { record } = state.captions;
  return {
    callSid: state.callSid,
    given: state.given,
    figures: figuresOf(state),
    totals: turnsOf(record.turns).map((turn) => turn.total_ms),
    barge_ins: record.barge_ins,
    backchannels: record.backchannels,
    entries: record.entries
      .filter(({ role }) => role !== "tool")
      .map(({ role, text, interrupted, meant }) => ({ role, text, rest: interrupted ? restOf(text, meant) : "" })),
  };
};

// "tried.settings.PAUSE_MS" and "tried.prompt", by the field's own name.
const byField = (errors) =>
  Object.fromEntries(errors.map(({ parameter, detail }) => [parameter.split(".").at(-1), detail[0].toUpperCase() + detail.slice(1)]));

function Begin({ over, act }) {
  return html`<button ref=${useFocus(over)} class="main begin" onClick=${act}>Call with these</button>`;
}

function Trying({ about, present }) {
  const state = usePhone();
  const [draft, write] = useState(() => ({ ...draftOf(present), ...recall("try-draft", {}) }));
  const [calls, keep] = useState(() => recall("try-calls", []));
  const [faults, fail] = useState({});
  const [fault, tell] = useState("");
  const ours = state.given?.tried !== undefined;
  const finished = ours && state.stage === "over" && state.captions?.finished;
  useEffect(() => {
    if (!finished || calls.at(-1)?.callSid === state.callSid) return;
    const last = [...calls, kept(state)].slice(-2);
    keep(last);
    remember("try-calls", last);
  }, [finished, state.callSid]);
  const change = (next) => {
    write(next);
    remember("try-draft", next);
  };
  const begin = async (microphone) => {
    fail({});
    tell("");
    try {
      await phone.call(bodyOf(draft, present), { microphone });
    } catch (error) {
      const found = error instanceof Problem ? byField(error.errors) : {};
      fail(found);
      tell(Object.keys(found).length ? "Nothing was called: see what is marked." : error.message);
    }
  };
  useEffect(() => document.querySelector(".form [aria-invalid=true]")?.focus(), [faults]);
  const [title, hint] = words(state);
  return html`<div class="softphone trying">
    <form class="card form" aria-label="For the next call" onSubmit=${(event) => event.preventDefault()}>
      <h2>For the next call alone</h2>
      <${TryForm} present=${present} draft=${draft} change=${change} faults=${faults} />
    </form>
    <div class="stack">
      <section class="card handset" aria-label="Telephone">
        <${Orb} state=${state} letter=${about.agent.slice(0, 1)} />
        <div class="now"><strong>${about.agent}</strong><span class="state" role="status">${title}</span>${hint && html`<small>${hint}</small>`}</div>
        ${phone.busy ? html`<${Controls} state=${state} />` : html`
          ${(fault || state.fault) && html`<p class="fault" role="alert">${fault || state.fault}</p>`}
          ${ours && state.stage === "over" && html`<${Summary} state=${state} />`}
          <${Begin} over=${state.stage === "over"} act=${() => begin(true)} />
          <div class="row spread"><button class="quiet" onClick=${() => begin(false)}>Without a microphone</button>
            <button class="quiet" onClick=${() => { fail({}); change(draftOf(present)); }}>All as it was</button></div>`}
      </section>
      ${state.captions && html`<section class="card talk" aria-label="Captions">
        <${Bubbles} captions=${state.captions} name=${about.agent} />
        ${state.stage === "talking" && html`<${TypeBox} on />`}
      </section>`}
      <section class="card compare" aria-label="Compared"><h2>Side by side</h2><${Compare} calls=${calls} present=${present} /></section>
    </div>
  </div>`;
}

export default function Page({ about }) {
  const [present, tell] = useState(null);
  const [fault, fail] = useState("");
  useEffect(() => {
    get("api/try").then(tell, (error) => fail(error.message));
  }, []);
  return html`<h1>Try the agent</h1>
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
    ${present && html`<${Trying} about=${about} present=${present} />`}`;
}
