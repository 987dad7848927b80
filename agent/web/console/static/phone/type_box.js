// Words instead of sound.
import { html } from "../ui.js";
import { phone } from "./phone.js";
import { useFocus } from "./use.js";

export const LONGEST = 500; // characters, as agent/web/softphone.py takes them

export function TypeBox({ on }) {
  const field = useFocus(on && !phone.state.microphone);
  const send = (event) => {
    event.preventDefault();
    phone.type(field.current.value);
    field.current.value = "";
    field.current.focus();
  };
  return html`<form class="type" onSubmit=${send}>
    <label class="unseen" for="typed">Type instead of talk</label>
    <input id="typed" ref=${field} maxlength=${LONGEST} placeholder="Type instead of talk" autocomplete="off" enterkeyhint="send" disabled=${!on} />
    <button class="main" disabled=${!on}>Send</button>
  </form>`;
}
