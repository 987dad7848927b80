// Durations that go on: one timer for all of them, which writes into the page and has nothing drawn anew.
import { now } from "../clock.js";
import { duration } from "../format.js";
import { html, useLayoutEffect, useRef } from "../ui.js";

const running = new Map(); // element: when it began
let timer = 0;

const write = (element, began) => {
  const told = duration(now() - began);
  if (element.firstChild) element.firstChild.data = told;
  else element.append(told);
};

export function Ticking({ since }) {
  const element = useRef(null);
  useLayoutEffect(() => {
    const began = Date.parse(since);
    running.set(element.current, began);
    write(element.current, began);
    timer ||= setInterval(() => running.forEach((at, each) => write(each, at)), 1000);
    return () => {
      running.delete(element.current);
      if (running.size) return;
      clearInterval(timer);
      timer = 0;
    };
  }, [since]);
  return html`<time ref=${element}></time>`;
}
