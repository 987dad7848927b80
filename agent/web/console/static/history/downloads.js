// The call as files, and the command that plays it again.
import { address, get } from "../api.js";
import { html, useEffect, useState } from "../ui.js";

export function Downloads({ record }) {
  const sid = encodeURIComponent(record.call_sid);
  const [session, tell] = useState(null);
  useEffect(() => {
    let gone = false;
    get(`api/calls/${sid}/replay`).then((found) => gone || tell(found), () => {});
    return () => { gone = true; };
  }, [sid, record.ending]);
  const file = (path, query, name, words) => html`<a class="button" href=${address(path, query)} download=${name}>${words}</a>`;
  return html`
    <section class="card" aria-labelledby="files"><h2 id="files">Files</h2>
      <div class="row">
        ${record.recording && file(`api/calls/${sid}/recording`, { redirect: "no" }, `${record.call_sid}.wav`, "Sound (WAV)")}
        ${file(`api/calls/${sid}`, {}, `${record.call_sid}.json`, "Record (JSON)")}
        ${file(`api/calls/${sid}/transcript`, { format: "vtt" }, `${record.call_sid}.vtt`, "Captions (VTT)")}
        ${file(`api/calls/${sid}/transcript`, { format: "text" }, `${record.call_sid}.txt`, "Text")}
      </div>
      ${session && html`<${Again} session=${session} />`}
    </section>`;
}

function Again({ session }) {
  if (!session.files.length) {
    return html`<p><small>${session.recording
      ? "It was not recorded to be played again, or that recording is on another machine, or gone by its age."
      : "Calls are not recorded to be played again here: RECORD_SESSIONS=always does."}</small></p>`;
  }
  return html`<h3>Play it again, step by step</h3>
    <p><small>On the server, as often as it takes: the same code does the same at the same millisecond.</small></p>
    <pre class="command" tabindex="0"><code>${session.command}</code></pre>`;
}
