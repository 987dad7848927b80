// Server-sent events, followed for as long as one looks: a browser gives up on an answer that is no stream (a server
// that is leaving, a session that is over), so asking again is done here.
//
// A tab that is not seen follows nothing: a browser has six connections to a server for all of its tabs together, and with
// six of them taken by streams no page would load any more. Seen again, it is told what it has missed.
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
  const seen = () => {
    clearTimeout(timer);
    source?.close();
    wait = FIRST_MS;
    if (document.visibilityState === "hidden") source = undefined;
    else begin();
  };
  seen();
  document.addEventListener("visibilitychange", seen);
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", seen);
    clearTimeout(timer);
    source?.close();
  };
}
