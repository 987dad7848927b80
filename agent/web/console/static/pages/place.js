// A call to be placed: whom and why in; what each rule says before anybody is rung; then its way to the end.
import { Problem, get, post } from "../api.js";
import { when } from "../format.js";
import { FollowedOrder, inWords, isOver } from "../parts/order.js";
import { Rules } from "../parts/rules.js";
import { html, useEffect, useMemo, useState } from "../ui.js";

const MOST_VARIABLES = 20;
const LATEST = 10;
const NAME = "[A-Za-z_][A-Za-z0-9_]{0,31}";

// The same form is the same call, however often it is sent; randomUUID is not there on http.
const newKey = () => `console-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16).padStart(2, "0")).join("")}`;

function asked(form) {
  const variables = Object.fromEntries(form.variables.filter(({ name }) => name).map(({ name, value }) => [name, value]));
  return { to: form.to.trim(), purpose: form.purpose.trim(), from: form.from.trim(), campaign: form.campaign.trim(), variables };
}

function Variables({ variables, change }) {
  const put = (n, part) => change(variables.map((each, i) => (i === n ? { ...each, ...part } : each)));
  return html`<fieldset class="variables">
    <legend>What the agent knows of them</legend>
    ${variables.map(({ name, value }, n) => html`<div class="pair">
      <input aria-label=${`Name of fact ${n + 1}`} placeholder="name" pattern=${NAME} maxlength="32" value=${name} onInput=${(e) => put(n, { name: e.target.value })} />
      <input aria-label=${`Value of fact ${n + 1}`} placeholder="Asha" maxlength="200" value=${value} onInput=${(e) => put(n, { value: e.target.value })} />
      <button type="button" class="quiet" aria-label=${`Remove fact ${n + 1}`} onClick=${() => change(variables.filter((_, i) => i !== n))}>✕</button>
    </div>`)}
    <button type="button" disabled=${variables.length >= MOST_VARIABLES} onClick=${() => change([...variables, { name: "", value: "" }])}>Add a fact</button>
  </fieldset>`;
}

function Orders({ shown }) {
  const [orders, tell] = useState([]);
  useEffect(() => {
    get("api/orders", { limit: LATEST }).then((page) => tell(page.orders), () => tell([]));
  }, [shown]);
  if (!orders.length) return null;
  return html`<section class="card"><h2>Newest orders</h2><div class="scroll" tabindex="0" role="group" aria-label="Newest orders"><table>
    <thead><tr><th scope="col">Number</th><th scope="col">State</th><th scope="col">When</th></tr></thead>
    <tbody>${orders.map((order) => html`<tr><td><a href=${`#/place/${order.order_id}`}>${order.wanted.to}</a></td>
      <td>${inWords(order)}${isOver(order) ? "" : "…"}</td><td>${when(order.created_at)}</td></tr>`)}</tbody>
  </table></div></section>`;
}

function Form({ about, begin }) {
  const [form, put] = useState({ to: "", purpose: "", from: "", campaign: "", variables: [] });
  const [verdict, judge] = useState(null);
  const [fault, fail] = useState(null);
  const [busy, wait] = useState(false);
  const key = useMemo(newKey, [JSON.stringify(asked(form))]);
  const change = (part) => {
    put({ ...form, ...part });
    judge(null); // it was of another call
    fail(null);
  };
  const send = async (path, done, headers) => {
    wait(true);
    fail(null);
    try {
      done(await post(path, asked(form), headers));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.refused.length) judge({ allowed: false, refused: error.refused });
      fail(error);
    }
    wait(false);
  };
  const check = (event) => {
    event.preventDefault();
    send("api/calls/check", judge);
  };
  const place = () => send("api/calls", (order) => begin(order.order_id), { "Idempotency-Key": key });
  const field = (name) => ({ id: name, value: form[name], onInput: (event) => change({ [name]: event.target.value }) });
  return html`<form class="card stack" onSubmit=${check}>
    <label for="to">Number</label>
    <input ...${field("to")} type="tel" required maxlength="40" autocomplete="off" placeholder="+91 98765 43210" aria-describedby="to-hint" />
    <small id="to-hint">With its country code.</small>
    <label for="purpose">Why the agent calls</label>
    <textarea ...${field("purpose")} rows="3" required maxlength="500" placeholder="Remind them of the visit to the flat in Whitefield on Saturday at eleven."></textarea>
    <label for="campaign">Line or campaign <small>(may be empty)</small></label>
    <input ...${field("campaign")} list="lines" maxlength="40" pattern="[A-Za-z0-9_.\\-]*" autocomplete="off" aria-describedby="campaign-hint" />
    <datalist id="lines">${about.lines.map((line) => html`<option value=${line} />`)}</datalist>
    <small id="campaign-hint">Budgets and reports go by it.</small>
    <label for="from">Call from <small>(may be empty: the usual number)</small></label>
    <input ...${field("from")} type="tel" maxlength="40" autocomplete="off" />
    <${Variables} variables=${form.variables} change=${(variables) => change({ variables })} />
    <div class="row"><button class=${verdict?.allowed ? "" : "main"} disabled=${busy}>Check the rules</button></div>
  </form>
  <section class="card"><h2>What the rules say</h2>
    ${fault && html`<div class="fault" role="alert">${fault.message}${fault.errors.map((each) => html`<br />${each.parameter}: ${each.detail}`)}</div>`}
    <div role="status">${verdict ? html`<p class=${`verdict ${verdict.allowed ? "yes" : "no"}`}>
      ${verdict.allowed ? "This call may be placed." : "This call would not be placed."}</p><${Rules} verdict=${verdict} />`
      : html`<p class="dim">Checking them rings nobody.</p>`}</div>
    <button class="main call" disabled=${busy || !verdict?.allowed} onClick=${place}>
      ${verdict?.allowed ? `Call ${form.to.trim()}` : "Call"}</button>
  </section>`;
}

export default function Page({ rest, about, session }) {
  const [id] = rest;
  const may = session.scopes.includes("call");
  const again = () => { location.hash = "#/place"; };
  return html`<h1>Place a call</h1>
    ${!about.calls_out && html`<p class="warn">This server places no calls yet: it needs <code>TWILIO_ACCOUNT_SID</code>, <code>TWILIO_AUTH_TOKEN</code>,${" "}
      <code>TWILIO_CALLER_ID</code> and <code>PUBLIC_URL</code>. Its rules can be tried all the same.</p>`}
    ${!may && html`<p class="warn">Your key may look, and not call: a key of the scope call is needed.</p>`}
    <div class="columns place">
      ${id ? html`<${FollowedOrder} id=${id} again=${again} />`
        : may && html`<${Form} about=${about} begin=${(order) => { location.hash = `#/place/${order}`; }} />`}
      <${Orders} shown=${id} />
    </div>`;
}
