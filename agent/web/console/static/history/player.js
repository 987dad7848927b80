// Hear the call: play, go back, faster, and where in it one is.
import { duration } from "../format.js";
import { html, useRef, useState } from "../ui.js";
import { useFrames } from "./sound.js";
import { Wave } from "./wave.js";

const BACK_MS = 5000;
const RATES = [0.75, 1, 1.25, 1.5, 2];

export function Player({ sound, length, gaps, cuts, told, follows, follow }) {
  const clock = useRef(null);
  const [rate, hurry] = useState(1);
  useFrames(sound.playing, () => { clock.current.textContent = duration(sound.at()); }, [sound.read, sound.moved]);
  return html`
    <section class="card player" aria-label="Recording">
      <audio ref=${sound.audio} src=${sound.url} preload="metadata" ...${sound.events}></audio>
      <${Wave} sound=${sound} length=${length} gaps=${gaps} cuts=${cuts} told=${told} />
      <div class="row spread">
        <div class="row">
          <button class="main play" onClick=${sound.toggle}>${sound.playing ? PAUSE : PLAY}${sound.playing ? "Pause" : "Play"}</button>
          <button onClick=${() => sound.seek(sound.at() - BACK_MS)} aria-label="Back 5 seconds">${BACK}5 s</button>
          <span class="figure" role="timer" aria-live="off"><span ref=${clock}>0:00</span> <span class="dim">/ ${duration(length)}</span></span>
        </div>
        <div class="row">
          <span class="key caller">Caller</span><span class="key agent">Agent</span>
          ${cuts.length > 0 && html`<span class="key cut">cut short</span>`}
          ${gaps.length > 0 && html`<span class="key gap">no stream</span>`}
          <label class="row plain follows"><input type="checkbox" checked=${follows} onChange=${(event) => follow(event.target.checked)} />Follow</label>
          <label class="row plain speed"><span class="name">Speed</span>
            <select aria-label="Speed" value=${rate} onChange=${(event) => {
              const wanted = Number(event.target.value);
              hurry(wanted);
              sound.audio.current.playbackRate = wanted;
            }}>${RATES.map((each) => html`<option value=${each}>${each}×</option>`)}</select></label>
        </div>
      </div>
      ${sound.missing && html`<p class="warn">There is no sound of leg ${sound.missing}: it is silent here.
        It was not recorded, or is not stored yet.</p>`}
      ${sound.fault && html`<p class="fault" role="alert">${sound.fault}</p>`}
    </section>`;
}

const icon = (path) => html`<svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true" fill="currentColor"><path d=${path} /></svg>`;
const PLAY = icon("M5 3.5v13l11-6.5z");
const PAUSE = icon("M5 3h4v14H5zM11 3h4v14h-4z");
const BACK = icon("M9 4 2 10l7 6zM18 4l-7 6 7 6z");
