// Asks before what cannot be taken back. The browser's own dialog keeps the focus inside, and Escape means no.
import { html, useEffect, useRef } from "../ui.js";

export function Confirm({ title, children, yes, no = "Cancel", act, away, danger = true }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog ref=${dialog} class="confirm card" aria-labelledby="confirm-title" onClose=${away}>
    <h2 id="confirm-title">${title}</h2>
    ${children}
    <div class="row actions">
      <button onClick=${() => dialog.current.close()}>${no}</button>
      <button class=${danger ? "bad" : "main"} onClick=${() => {
        dialog.current.close();
        act();
      }}>${yes}</button>
    </div>
  </dialog>`;
}
