// A recording on the page: one <audio> element, and its loudness read beside it. The element asks for parts as it needs
// them, so that nobody waits for the end of an hour; the loudness comes as fast as the server gives the file.
import { address, ask } from "../api.js";
import { useEffect, useLayoutEffect, useRef, useState } from "../ui.js";
import { Peaks } from "./wav.js";

const DRAWN_MS = 150;

// { audio, url, playing, fault, missing, peaks, read, moved, at(), seek(ms), toggle(), from(ms), events }; `read` counts what
// has come of `peaks`, `moved` how often one went elsewhere.
export function useSound(record) {
  const audio = useRef(null);
  const peaks = useRef(new Peaks());
  const [playing, play] = useState(false);
  const [fault, fail] = useState("");
  const [missing, miss] = useState("");
  const [read, count] = useState(0);
  const [moved, move] = useState(0);
  const path = `api/calls/${encodeURIComponent(record.call_sid)}/recording`;
  const key = record.recording && `${record.call_sid} ${record.recording} ${(record.pieces || []).length}`;
  useEffect(() => {
    if (!key) return undefined;
    const stop = new AbortController();
    peaks.current = new Peaks();
    readPeaks(path, peaks.current, stop.signal, miss, () => count((n) => n + 1)).catch((error) => {
      if (error.name !== "AbortError") fail(error.message);
    });
    return () => stop.abort();
  }, [key]);
  const at = () => (audio.current ? audio.current.currentTime * 1000 : 0);
  const seek = (ms) => {
    if (audio.current) audio.current.currentTime = Math.max(0, ms) / 1000;
  };
  const start = () => audio.current?.play().catch((error) => {
    if (error.name !== "AbortError") fail("The browser cannot play this recording. Download it instead.");
  });
  return {
    audio,
    url: address(path, { redirect: "no" }),
    playing,
    fault,
    missing,
    peaks: peaks.current,
    read,
    moved,
    at,
    seek,
    toggle: () => (audio.current?.paused ? start() : audio.current?.pause()),
    from: (ms) => {
      seek(ms);
      start();
    },
    events: { onPlay: () => play(true), onPause: () => play(false), onEnded: () => play(false), onSeeked: () => move((n) => n + 1) },
  };
}

async function readPeaks(path, peaks, signal, miss, grown) {
  const response = await ask("GET", path, { query: { redirect: "no" }, signal });
  miss(response.headers.get("Recording-Missing") || "");
  const reader = response.body.getReader();
  let drawn = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    peaks.take(value);
    if (peaks.format === false) return reader.cancel();
    if (performance.now() - drawn > DRAWN_MS) {
      drawn = performance.now();
      grown();
    }
  }
  peaks.end();
  grown();
  return undefined;
}

// Runs `act` before each frame while it plays, and once when `watched` changes. Of a page that is left, no frame comes any
// more: an effect's end would be a frame too late.
export function useFrames(playing, act, watched) {
  const latest = useRef(act);
  latest.current = act;
  useLayoutEffect(() => {
    let asked;
    const frame = () => {
      latest.current();
      if (playing) asked = requestAnimationFrame(frame);
    };
    asked = requestAnimationFrame(frame);
    return () => cancelAnimationFrame(asked);
  }, [playing, ...watched]);
}
