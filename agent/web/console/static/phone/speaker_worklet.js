// The agent's side, in the sound's own thread: mu-law in, sound out, and each mark given back when it is at the ear. So
// nothing on the page can make it stutter.
import { loudness } from "./level.js";
import { Playback } from "./playback.js";
import { Resampler } from "./resample.js";

const METER = 8; // blocks between two readings of the meter: some 20 ms

class Speaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.playback = new Playback();
    this.resampler = new Resampler(8000, sampleRate);
    this.ready = new Float32Array(0); // at the device's rate, not played yet
    this.latency = 0; // seconds from here to the ear
    this.going = []; // marks on that way: {name, at}
    this.blocks = 0;
    this.loudest = 0;
    this.over = false;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take({ media, mark, clear, latency, over }) {
    if (media) this.playback.media(media);
    if (mark !== undefined && this.playback.mark(mark)) {
      // Behind those that are on their way to the ear, or at once.
      if (this.going.length) this.going.push({ name: mark, at: this.going.at(-1).at });
      else this.port.postMessage({ mark });
    }
    if (clear) {
      const names = [...this.going.map(({ name }) => name), ...this.playback.clear()];
      this.going = [];
      for (const name of names) this.port.postMessage({ mark: name, unheard: true });
    }
    if (latency !== undefined) this.latency = latency;
    if (over) this.over = true;
  }

  process(_inputs, [output]) {
    const out = output[0];
    const samples = new Float32Array(this.resampler.needs(out.length - this.ready.length));
    const reached = this.playback.take(samples);
    const made = this.resampler.feed(samples);
    const all = new Float32Array(this.ready.length + made.length);
    all.set(this.ready);
    all.set(made, this.ready.length);
    out.set(all.subarray(0, out.length));
    this.ready = all.slice(out.length);
    for (let n = 1; n < output.length; n++) output[n].set(out);
    for (const { name, sample } of reached) {
      this.going.push({ name, at: currentTime + sample / 8000 + this.latency });
    }
    while (this.going.length && this.going[0].at <= currentTime) {
      this.port.postMessage({ mark: this.going.shift().name });
    }
    this.loudest = Math.max(this.loudest, loudness(out));
    if (++this.blocks % METER === 0) {
      this.port.postMessage({ level: this.loudest });
      this.loudest = 0;
    }
    return !this.over;
  }
}

registerProcessor("speaker", Speaker);
