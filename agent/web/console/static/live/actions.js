// Hang up, transfer: asked for once more, done, or refused in the server's own words.
import { Problem, post } from "../api.js";
import { Confirm } from "../parts/confirm.js";
import { html, useState } from "../ui.js";

const WAYS = {
  "hang-up": { title: "Hang up?", yes: "Hang up", done: "The call is being ended.",
    what: "The caller hears nothing more: no goodbye is said. What was said is kept." },
  transfer: { title: "Transfer the caller?", yes: "Transfer", done: "The caller is being handed over.",
    what: "The agent tells the caller that it is connecting them, and your colleague's telephone rings." },
};

export function Actions({ call, about, session }) {
  const [asked, ask] = useState("");
  const [busy, work] = useState("");
  const [told, tell] = useState(null);
  const may = session.scopes.includes("call");
  const act = async (way) => {
    work(way);
    tell(null);
    try {
      await post(`api/live/${encodeURIComponent(call.call_sid)}/${way}`);
      tell({ words: WAYS[way].done });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      tell({ fault: error.message });
    }
    work("");
  };
  if (!may) return html`<small>Your key may look, not hang up or transfer: that takes the scope “call”.</small>`;
  const way = WAYS[asked];
  return html`
    ${about.transfers && !["elsewhere", "lost"].includes(call.state) && html`<button disabled=${Boolean(busy)} onClick=${() => ask("transfer")}>Transfer</button>`}
    <button class="bad" disabled=${Boolean(busy)} onClick=${() => ask("hang-up")}>Hang up</button>
    ${told && html`<p class=${told.fault ? "fault" : "done"} role=${told.fault ? "alert" : "status"}>${told.fault || told.words}</p>`}
    ${way && html`<${Confirm} title=${way.title} yes=${way.yes} act=${() => act(asked)} away=${() => ask("")} danger=${asked === "hang-up"}>
      <p>${way.what}</p></${Confirm}>`}`;
}
