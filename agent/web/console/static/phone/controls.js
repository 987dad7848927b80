// What one holds a call with: who is there, how it stands, mute, keypad, hang up.
import { duration } from "../format.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { phone } from "./phone.js";
import { useFocus, useFrames } from "./use.js";

const KEYS = [
  ["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"],
  ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""],
];
const SPOKEN = { "*": "star", "#": "hash" };

const STATES = {
  listening: ["Listening", "nobody speaks"],
  hearing: ["Hearing you", "it waits for the end of what you say"],
  thinking: ["Thinking", "an answer is on its way"],
  speaking: ["Speaking", "interrupt whenever you like"],
};
const STAGES = {
  asking: ["Microphone?", "your browser asks whether it may be used"],
  connecting: ["Connecting", ""],
  talking: ["On the line", ""],
  over: ["Call over", ""],
};

const still = matchMedia("(prefers-reduced-motion: reduce)");

export const words = (state) =>
  (state.stage === "talking" && STATES[state.captions?.talk.state]) || STAGES[state.stage] || ["Ready", ""];

function Timer({ began, ended }) {
  const [now, tick] = useState(performance.now());
  useEffect(() => {
    if (ended) return undefined;
    const timer = setInterval(() => tick(performance.now()), 250);
    return () => clearInterval(timer);
  }, [ended]);
  return html`<span class="timer figure" role="timer" aria-label="Duration">${duration((ended || now) - began)}</span>`;
}

// A bar for the eye alone: what it shows is heard.
function Meter({ side, name, on }) {
  const bar = useRef(null);
  const shown = useRef(0);
  useFrames(on, () => {
    shown.current = Math.max(phone.levels[side], shown.current * 0.9);
    if (bar.current) bar.current.style.transform = `scaleX(${shown.current.toFixed(3)})`;
  });
  return html`<div class=${`meter ${side}`} aria-hidden="true"><span>${name}</span><div><i ref=${bar}></i></div></div>`;
}

function Keypad({ keys }) {
  const press = (key) => phone.press(key);
  useEffect(() => {
    const typed = (event) => {
      const elsewhere = event.target.closest?.("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
      if (!elsewhere && KEYS.some(([key]) => key === event.key)) press(event.key);
    };
    addEventListener("keydown", typed);
    return () => removeEventListener("keydown", typed);
  }, []);
  return html`<div class="keypad" id="keypad" role="group" aria-label="Keypad">
    <output class="figure" aria-label="Pressed">${keys || " "}</output>
    ${KEYS.map(([key, letters]) => html`<button key=${key} aria-label=${SPOKEN[key] || key} onClick=${() => press(key)}>
      <b>${key}</b><small aria-hidden="true">${letters}</small></button>`)}
  </div>`;
}

export function Orb({ state, letter }) {
  const ring = useRef(null);
  const shown = useRef(0);
  useFrames(state.stage === "talking" && !still.matches, () => {
    const side = phone.state.captions?.talk.state === "hearing" ? "caller" : "agent";
    shown.current = Math.max(phone.levels[side], shown.current * 0.92);
    if (ring.current) ring.current.style.transform = `scale(${(1 + shown.current * 0.45).toFixed(3)})`;
  });
  const now = state.stage === "talking" ? state.captions?.talk.state || "" : state.stage;
  return html`<div class=${`orb ${now}`} aria-hidden="true"><i ref=${ring}></i><b>${letter}</b></div>`;
}

export function Controls({ state }) {
  const [open, show] = useState(false);
  const talking = state.stage === "talking";
  const mute = useFocus(talking && state.microphone);
  return html`
    ${talking && html`<${Timer} began=${state.began} ended=${0} />`}
    <div class="meters">
      <${Meter} side="caller" name="You" on=${talking} />
      <${Meter} side="agent" name="Agent" on=${talking} />
    </div>
    <div class="buttons">
      <button ref=${mute} aria-pressed=${state.muted ? "true" : "false"} disabled=${!talking || !state.microphone} onClick=${() => phone.mute(!state.muted)}>
        ${state.muted ? "Muted" : "Mute"}</button>
      <button aria-expanded=${open ? "true" : "false"} aria-controls="keypad" disabled=${!talking} onClick=${() => show(!open)}>Keypad</button>
      <button class="bad" onClick=${() => phone.hangUp()}>Hang up</button>
    </div>
    ${open && talking && html`<${Keypad} keys=${state.keys} />`}
    ${state.why && html`<p class="warn" role="status">${state.why}</p>`}`;
}
