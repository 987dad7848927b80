// A key in, a session out: the key itself is not kept by the page.
import { post } from "../api.js";
import { html, useState } from "../ui.js";

export function SignIn({ entered }) {
  const [fault, fail] = useState("");
  const [busy, wait] = useState(false);
  const begin = async (event) => {
    event.preventDefault();
    wait(true);
    fail("");
    try {
      await post("session", { key: new FormData(event.target).get("key").trim() });
      await entered();
    } catch (error) {
      fail(error.message);
      wait(false);
    }
  };
  return html`
    <main class="alone">
      <h1>Sign in</h1>
      <form class="stack" onSubmit=${begin}>
        <label for="key">API key</label>
        <input id="key" name="key" type="password" autocomplete="current-password" required autofocus
          aria-describedby="key-hint" aria-invalid=${fault ? "true" : undefined} />
        <small id="key-hint">Made on the server with <code>calling-agent keys create --scope call</code></small>
        ${fault && html`<p class="fault" role="alert">${fault}</p>`}
        <button class="main" disabled=${busy}>Sign in</button>
      </form>
    </main>`;
}
