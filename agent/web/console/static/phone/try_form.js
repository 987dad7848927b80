// What may be told to the agent for the next call alone, with the faults that the server found in it.
import { html } from "../ui.js";
import { GUARDS, bounds, unit } from "./tries.js";

function Fault({ id, fault }) {
  return fault ? html`<span class="wrong" id=${`${id}-fault`} role="alert">${fault}</span>` : null;
}

function Field({ id, label, fault, changed, reset, hint, children }) {
  return html`<div class=${`field ${changed ? "changed" : ""}`}>
    <div class="row spread"><label for=${id}>${label}${changed && html`<span class="tag">changed</span>`}</label>
      ${changed && html`<button type="button" class="quiet small" onClick=${reset} aria-label=${`${label}: as it was`}>as it was</button>`}</div>
    ${children}
    ${hint && html`<small id=${`${id}-hint`}>${hint}</small>`}
    <${Fault} id=${id} fault=${fault} />
  </div>`;
}

const told = (id, fault) => ({
  "aria-invalid": fault ? "true" : undefined,
  "aria-describedby": fault ? `${id}-hint ${id}-fault` : `${id}-hint`,
});

function Guard({ setting, value, set, fault }) {
  const { name, kind } = setting;
  const [label, what] = GUARDS[name] || [name, ""];
  const id = `guard-${name}`;
  const changed = value !== setting.value;
  const range = kind === "switch" ? "" : bounds(setting);
  const reset = () => set(setting.value);
  const hint = html`${what} <code>${name}</code>${range && `, ${range}`}`;
  return html`<${Field} id=${id} label=${label} changed=${changed} reset=${reset} fault=${fault} hint=${hint}>
    ${kind === "switch"
      ? html`<input id=${id} type="checkbox" checked=${value} ...${told(id, fault)} onChange=${({ target }) => set(target.checked)} />`
      : html`<span class="measure"><input id=${id} type="number" inputmode="decimal" value=${value} min=${setting.least ?? setting.above ?? undefined}
          max=${setting.most ?? setting.below ?? undefined} step=${kind === "whole" ? 1 : "any"} ...${told(id, fault)}
          onInput=${({ target }) => set(target.value === "" ? "" : Number(target.value))} /><span aria-hidden="true">${unit(name)}</span></span>`}
  <//>`;
}

export function TryForm({ present, draft, change, faults }) {
  const set = (name) => (value) => change({ ...draft, [name]: value });
  const guard = (name) => (value) => change({ ...draft, settings: { ...draft.settings, [name]: value } });
  const bytes = new TextEncoder().encode(draft.prompt).length;
  const load = async ({ target }) => {
    const [file] = target.files;
    if (file) set("prompt")((await file.text()).replaceAll("\r\n", "\n").trim());
    target.value = "";
  };
  const text = (name, label, hint, more = {}) => html`
    <${Field} id=${`try-${name}`} label=${label} hint=${hint} fault=${faults[name]} changed=${draft[name] !== present[name]} reset=${() => set(name)(present[name])}>
      <input id=${`try-${name}`} value=${draft[name]} ...${more} ...${told(`try-${name}`, faults[name])} onInput=${({ target }) => set(name)(target.value)} />
    <//>`;
  return html`
    ${!present.reads_prompt && html`<p class="warn">The local policy follows a script of its own and reads no prompt: set <code>OPENAI_API_KEY</code>, or${" "}
      <code>OPENAI_BASE_URL</code> for a server of yours, to try one. Greeting and guards hold.</p>`}
    <${Field} id="try-prompt" label="Prompt" fault=${faults.prompt || (bytes > present.longest_prompt ? `It has ${bytes} bytes, and may have ${present.longest_prompt}.` : "")}
        changed=${draft.prompt !== present.prompt} reset=${() => set("prompt")(present.prompt)}
        hint=${html`${bytes} bytes of ${present.longest_prompt}. <code>{agent}</code> and <code>{company}</code> are filled in.`}>
      <textarea id="try-prompt" rows="10" spellcheck="false" value=${draft.prompt} ...${told("try-prompt", faults.prompt)} onInput=${({ target }) => set("prompt")(target.value)}></textarea>
    <//>
    <div><label class="button" for="try-file">Take it from a file…</label>
      <input id="try-file" class="unseen" type="file" accept=".txt,.md,text/*" onChange=${load} /></div>
    <${Field} id="try-greeting" label="Greeting" fault=${faults.greeting} hint="What the agent says first." changed=${draft.greeting !== present.greeting}
        reset=${() => set("greeting")(present.greeting)}>
      <textarea id="try-greeting" rows="2" maxlength=${present.longest_greeting} value=${draft.greeting} ...${told("try-greeting", faults.greeting)}
        onInput=${({ target }) => set("greeting")(target.value)}></textarea>
    <//>
    <div class="pair">
      ${text("voice", "Voice", "The provider’s name of one; empty: its default.", { maxlength: 32, placeholder: "as the settings say" })}
      ${text("language", "Language", present.knows_languages ? "A tag such as en-IN or hi-IN." : "Ears and voice are local here, and know English only.", { maxlength: 8 })}
    </div>
    <fieldset><legend>Guards</legend><div class="guards">
      ${present.settings.map((setting) => html`<${Guard} key=${setting.name} setting=${setting} value=${draft.settings[setting.name]}
        set=${guard(setting.name)} fault=${faults[setting.name]} />`)}
    </div></fieldset>`;
}
