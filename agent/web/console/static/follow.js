// Server-sent events, followed for as long as one looks: a browser gives up on an answer that is no stream (a server
// that is leaving, a session that is over), so asking again is done here.
import { get } from "./api.js";

const FIRST_MS = 500;
const LONGEST_MS = 10_000;

// `on` has a function for each event's name, which gets its data; `state` is told "live" or "waiting". Returns the end.
export function follow(url, on, state = () => {}) {
  let source;
  let timer;
  let wait = FIRST_MS;
  let over = false;
  const begin = () => {
    source = new EventSource(url);
    source.onopen = () => {
      wait = FIRST_MS;
      state("live");
    };
    source.onerror = () => {
      state("waiting");
      if (source.readyState !== EventSource.CLOSED || over) return; // else the browser asks again by itself
      get("session").catch(() => {}); // whoever is signed out is told
      timer = setTimeout(begin, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_MS);
    };
    for (const [name, act] of Object.entries(on)) {
      source.addEventListener(name, (event) => act(JSON.parse(event.data), event));
    }
  };
  begin();
  return () => {
    over = true;
    clearTimeout(timer);
    source.close();
  };
}
