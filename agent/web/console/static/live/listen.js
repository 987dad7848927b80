// Listening in: the server's endless answer, decoded and played. The caller on the left, the agent on the right.
import { Problem, address, ask } from "../api.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { level, stereo } from "./sound.js";

async function play(sid, signal, ready, heard) {
  const context = new AudioContext({ sampleRate: 8000 });
  try {
    await context.audioWorklet.addModule(address("console/live/playback.js"));
    const node = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [2] });
    const volume = context.createGain();
    node.connect(volume).connect(context.destination);
    await context.resume();
    const response = await ask("GET", `api/live/${encodeURIComponent(sid)}/sound`, { signal });
    ready(volume.gain);
    const reader = response.body.getReader();
    const decode = stereo();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const sides = decode(value);
      heard(sides);
      node.port.postMessage(sides);
    }
  } finally {
    await context.close();
  }
}

export function Listen({ sid }) {
  const [on, turn] = useState(false);
  const [fault, fail] = useState("");
  const [loud, set] = useState(0.8);
  const gain = useRef(null);
  const volume = useRef(loud);
  const meters = [useRef(null), useRef(null)];
  useEffect(() => {
    if (!on) return undefined;
    const over = new AbortController();
    fail("");
    play(sid, over.signal, (found) => {
      gain.current = found;
      found.value = volume.current;
    }, (sides) => sides.forEach((side, n) => {
      if (meters[n].current && side.length) meters[n].current.value = level(side);
    })).then(
      () => turn(false),
      (error) => {
        if (over.signal.aborted) return;
        turn(false);
        fail(error instanceof Problem ? error.message : "The sound broke off.");
      },
    );
    return () => over.abort();
  }, [on, sid]);
  const louder = (event) => {
    volume.current = Number(event.target.value);
    set(volume.current);
    if (gain.current) gain.current.value = volume.current;
  };
  return html`<div class="row listen">
    <button aria-pressed=${on ? "true" : "false"} onClick=${() => turn(!on)}>${on ? "Stop listening" : "Listen in"}</button>
    ${on && html`<label><span class="unseen">Volume</span>
      <input type="range" min="0" max="1.5" step="0.05" value=${loud} onInput=${louder} aria-valuetext=${`${Math.round(loud * 100)} %`} /></label>
      ${["Caller, left", "Agent, right"].map((title, n) => html`<label class="meter">${title}
        <meter ref=${meters[n]} min="0" max="1" value="0"></meter></label>`)}`}
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
  </div>`;
}
