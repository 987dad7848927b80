// A call goes on while one looks elsewhere: the way back to it.
import { html, render } from "../ui.js";
import { phone } from "./phone.js";

const HOME = ["call", "try"];

let floats = false;

export function float() {
  if (floats) return;
  floats = true;
  const place = document.createElement("div");
  document.body.append(place);
  const draw = () => {
    const [page] = location.hash.replace(/^#\//, "").split("/");
    const away = phone.busy && !HOME.includes(page || "call");
    render(away ? html`<aside class="floating card" aria-label="Your call">
      <a href=${phone.state.given?.tried ? "#/try" : "#/call"}>Your call goes on</a>
      <button class="bad" onClick=${() => phone.hangUp()}>Hang up</button></aside>` : null, place);
  };
  phone.watch(draw);
  addEventListener("hashchange", draw);
}
