// The call's sound on one line of time: the caller above, the agent below, between legs nothing. A slider for the keyboard.
import { duration } from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../ui.js";
import { useFrames } from "./sound.js";
import { highest } from "./wav.js";
import { lost } from "./words.js";

const STEP = { ArrowRight: 5000, ArrowUp: 5000, ArrowLeft: -5000, ArrowDown: -5000, PageUp: 30_000, PageDown: -30_000 };

export function Wave({ sound, length, gaps, cuts, told }) {
  const canvas = useRef(null);
  const slider = useRef(null);
  const [[width, height], fit] = useState([0, 0]);
  const [scheme, paint] = useState(0);
  useEffect(() => {
    const sized = new ResizeObserver(([entry]) => fit([Math.round(entry.contentRect.width), Math.round(entry.contentRect.height)]));
    sized.observe(canvas.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => paint((n) => n + 1);
    dark.addEventListener("change", changed);
    return () => {
      sized.disconnect();
      dark.removeEventListener("change", changed);
    };
  }, []);
  const bars = useMemo(() => barsOf(sound.peaks, width, length, gaps), [sound.peaks, sound.read, width, length, gaps]);
  const show = () => {
    const now = Math.min(sound.at(), length);
    draw(canvas.current, width, height, bars, { now, length, cuts });
    slider.current.setAttribute("aria-valuenow", Math.round(now / 1000));
    slider.current.setAttribute("aria-valuetext", `${duration(now)} of ${duration(length)}. ${told(now)}`);
  };
  useFrames(sound.playing, show, [width, height, scheme, sound.read, sound.moved, length]);
  const pointed = (event) => {
    const box = canvas.current.getBoundingClientRect();
    sound.seek(((event.clientX - box.left) / box.width) * length);
    show();
  };
  const pressed = (event) => {
    const step = event.key === "Home" ? -length : event.key === "End" ? length : STEP[event.key];
    if (event.key === " ") sound.toggle();
    else if (step) sound.seek(Math.min(length, sound.at() + (event.shiftKey ? step / 5 : step)));
    else return;
    event.preventDefault();
    show();
  };
  return html`
    <div class="wave" ref=${slider} role="slider" tabindex="0" aria-label="Position in the call" aria-valuemin="0"
      aria-valuemax=${Math.round(length / 1000)} onKeyDown=${pressed}
      onPointerDown=${(event) => { event.currentTarget.setPointerCapture(event.pointerId); pointed(event); }}
      onPointerMove=${(event) => event.buttons && pointed(event)}>
      <canvas ref=${canvas} aria-hidden="true"></canvas>
      ${gaps.map((gap) => html`<span class="gap" style=${{ left: `${(100 * gap.from) / length}%`, width: `${(100 * (gap.to - gap.from)) / length}%` }}
        title=${lost(gap)}></span>`)}
    </div>`;
}

const BAR = 3;
const LEAST = 0.004; // what is softer is silence

// What is loudest within each bar's time, of both sides; between legs nothing.
function barsOf(peaks, width, length, gaps) {
  return Array.from({ length: Math.ceil(width / BAR) }, (_, n) => {
    const [from, to] = [((n * BAR) / width) * length, (((n + 1) * BAR) / width) * length];
    const silent = gaps.some((gap) => gap.from < to && from < gap.to);
    return silent ? [0, 0] : [highest(peaks.left, from, to), highest(peaks.right, from, to)];
  });
}

function draw(canvas, width, height, bars, { now, length, cuts }) {
  if (!canvas || !width) return;
  const scale = devicePixelRatio || 1;
  const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const pen = canvas.getContext("2d");
  const colours = getComputedStyle(canvas);
  const [caller, agent, quiet, ink, bad] = ["--caller", "--agent", "--line", "--ink", "--bad"].map((name) => colours.getPropertyValue(name));
  const [middle, head] = [height / 2, (now / length) * width];
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = quiet;
  pen.fillRect(0, middle - 0.5, width, 1);
  for (const [colour, side] of [[caller, 0], [agent, 1]]) {
    pen.fillStyle = colour;
    bars.forEach((peaks, n) => {
      if (peaks[side] < LEAST) return;
      const high = Math.max(1.5, Math.sqrt(peaks[side]) * (middle - 5)); // speech is seldom loud: the root shows what is soft
      pen.globalAlpha = n * BAR <= head ? 1 : 0.45;
      pen.fillRect(n * BAR, side ? middle + 1.5 : middle - 1.5 - high, BAR - 1, high);
    });
  }
  pen.globalAlpha = 1;
  pen.fillStyle = bad;
  for (const ms of cuts) pen.fillRect((ms / length) * width - 1, middle + 2, 2, middle - 4);
  pen.fillStyle = ink;
  pen.fillRect(Math.min(head, width - 2), 0, 2, height);
}
