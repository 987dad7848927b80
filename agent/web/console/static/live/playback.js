// Runs beside the page: plays what comes, a little late so that it is even, and never later and later.
const RATE = 8000;
const BEGIN = RATE * 0.2; // what is waited for before it sounds, and after a gap
const MOST = RATE * 1; // more than that is old: skipped, down to BEGIN

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.waiting = [];
    this.length = 0;
    this.plays = false;
    this.port.onmessage = ({ data }) => {
      this.waiting.push({ sides: data, at: 0 });
      this.length += data[0].length;
      if (this.length > MOST) this.drop(this.length - BEGIN);
    };
  }

  drop(count) {
    let left = count;
    while (left > 0 && this.waiting.length) {
      const first = this.waiting[0];
      const part = Math.min(left, first.sides[0].length - first.at);
      first.at += part;
      left -= part;
      this.length -= part;
      if (first.at === first.sides[0].length) this.waiting.shift();
    }
  }

  process(_, [out]) {
    if (!this.plays && this.length < BEGIN) return true;
    this.plays = true;
    const size = out[0].length;
    let done = 0;
    while (done < size && this.waiting.length) {
      const first = this.waiting[0];
      const part = Math.min(size - done, first.sides[0].length - first.at);
      for (const side of [0, 1]) out[side]?.set(first.sides[side].subarray(first.at, first.at + part), done);
      done += part;
      this.drop(part);
    }
    if (done < size) this.plays = false;
    return true;
  }
}

registerProcessor("playback", Playback);
