import { html } from "../ui.js";

export default function Page() {
  return html`<h1>Place a call</h1>`;
}
