// The caller's side, in the sound's own thread: what the microphone gives becomes frames of 20 ms mu-law. Without a
// microphone, or muted, they are silence: a telephone that says nothing sends all the same.
import { loudness } from "./level.js";
import { SILENCE, encodeFloat } from "./mulaw.js";
import { Resampler } from "./resample.js";

const FRAME = 160;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, 8000);
    this.samples = new Float32Array(FRAME);
    this.filled = 0;
    this.muted = false;
    this.over = false;
    this.port.onmessage = ({ data }) => {
      if ("muted" in data) this.muted = data.muted;
      if (data.over) this.over = true;
    };
  }

  process([input]) {
    const quiet = new Float32Array(128);
    const block = input.length ? input[0] : quiet;
    for (const sample of this.resampler.feed(block)) {
      this.samples[this.filled++] = sample;
      if (this.filled === FRAME) this.send();
    }
    return !this.over;
  }

  send() {
    this.filled = 0;
    const frame = new Uint8Array(FRAME);
    for (let n = 0; n < FRAME; n++) frame[n] = this.muted ? SILENCE : encodeFloat(this.samples[n]);
    this.port.postMessage({ frame, level: this.muted ? 0 : loudness(this.samples) }, [frame.buffer]);
  }
}

registerProcessor("microphone", Microphone);
