// A call that was to be placed, followed until it is over.
import { Problem, ask, get } from "../api.js";
import { when } from "../format.js";
import { html, useEffect, useState } from "../ui.js";

const AGAIN_MS = 1000;
const STEPS = ["placing", "queued", "ringing", "answered", "completed"];
const OVER = new Set(["completed", "busy", "no-answer", "failed", "canceled"]);
const WORDS = {
  placing: "Being placed", unknown: "Nobody knows yet whether the carrier has it", queued: "With the carrier",
  ringing: "Ringing", answered: "Answered", completed: "Over", busy: "Busy", "no-answer": "Nobody answered",
  failed: "Failed", canceled: "Cancelled",
};

export const isOver = (order) => OVER.has(order.state);
export const inWords = (order) => WORDS[order.state] || order.state;

export function useOrder(id) {
  const [order, tell] = useState(null);
  const [fault, fail] = useState("");
  useEffect(() => {
    let timer;
    let gone = false;
    const look = async () => {
      try {
        const found = await get(`api/orders/${encodeURIComponent(id)}`);
        if (gone) return;
        tell(found);
        fail("");
        if (isOver(found)) return;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (gone) return;
        fail(error.message);
        if (error.status === 404) return;
      }
      timer = setTimeout(look, AGAIN_MS);
    };
    tell(null);
    look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [id]);
  return [order, fault];
}

// A step is done where a later state is known; what ended otherwise ends in its own word.
function Steps({ order }) {
  const ended = isOver(order) && order.state !== "completed";
  const at = ended ? STEPS.length - 1 : Math.max(STEPS.indexOf(order.state), 0);
  const reached = (n) => (ended ? n === at || n === 0 || (n === 1 && order.call_sid) : n <= at);
  return html`<ol class="steps">${STEPS.map((step, n) => html`
    <li class=${n === at ? (ended ? "bad" : "now") : reached(n) ? "done" : ""} aria-current=${n === at ? "step" : undefined}>
      ${n === at ? inWords(order) : WORDS[step]}</li>`)}</ol>`;
}

export function FollowedOrder({ id, again }) {
  const [order, fault] = useOrder(id);
  const [problem, tell] = useState("");
  const hangUp = async () => {
    try {
      await ask("DELETE", `api/calls/${order.call_sid}`);
      tell("");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      tell(error.message);
    }
  };
  if (!order) return fault ? html`<p class="fault" role="alert">${fault}</p>` : null;
  const over = isOver(order);
  return html`<section class="card order">
    <h2>${order.wanted.to}</h2>
    <p>${order.wanted.purpose}</p>
    <div role="status"><${Steps} order=${order} />
      ${order.reason && html`<p class="warn">${order.reason}</p>`}
      ${order.answered_by && html`<p class="dim">Answered by: ${order.answered_by.replaceAll("_", " ")}</p>`}</div>
    ${(fault || problem) && html`<p class="fault" role="alert">${problem || fault}</p>`}
    <div class="row">
      ${order.state === "answered" && html`<a class="button" href=${`#/live/${order.call_sid}`}>Watch it live</a>`}
      ${order.state === "completed" && html`<a class="button" href=${`#/calls/${order.call_sid}`}>What was said</a>`}
      ${!over && order.call_sid && html`<button class="bad" onClick=${hangUp}>Hang up</button>`}
      ${over && html`<button onClick=${again}>Place another</button>`}
    </div>
    <small>Order ${order.order_id}, ${when(order.created_at)}</small>
  </section>`;
}
