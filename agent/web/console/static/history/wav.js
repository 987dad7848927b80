// A recording's loudness as it arrives: bytes of a WAV file in, peaks of both channels out. Pure, and flat in memory.

export const PEAK_MS = 20;

// Takes the file's bytes in any pieces. `format` is null until the header was read, and false where it is no 16-bit WAV.
export class Peaks {
  constructor() {
    this.format = null;
    this.left = new Growing();
    this.right = new Growing();
    this._kept = new Uint8Array(0);
    this._high = [0, 0];
    this._seen = 0;
  }

  get ms() {
    return this.left.length * PEAK_MS;
  }

  take(bytes) {
    if (this.format === false) return;
    let whole = bytes;
    if (this._kept.length) {
      whole = new Uint8Array(this._kept.length + bytes.length);
      whole.set(this._kept);
      whole.set(bytes, this._kept.length);
    }
    let start = 0;
    if (this.format === null) {
      const found = header(whole);
      if (found === undefined) {
        this._kept = whole;
        return;
      }
      this.format = found;
      if (!found) return;
      start = found.data;
    }
    const { channels, rate } = this.format;
    const size = 2 * channels;
    const end = start + Math.floor((whole.length - start) / size) * size;
    const view = new DataView(whole.buffer, whole.byteOffset, whole.length);
    const each = (rate * PEAK_MS) / 1000;
    for (let at = start; at < end; at += size) {
      for (let channel = 0; channel < 2; channel += 1) {
        const value = Math.abs(view.getInt16(at + 2 * (channel % channels), true));
        if (value > this._high[channel]) this._high[channel] = value;
      }
      this._seen += 1;
      if (this._seen >= each) this._close();
    }
    this._kept = whole.slice(end);
  }

  end() {
    if (this._seen) this._close();
  }

  _close() {
    this.left.add(this._high[0] / 32768);
    this.right.add(this._high[1] / 32768);
    this._high = [0, 0];
    this._seen = 0;
  }
}

// The greatest of the peaks from the one to the other, in milliseconds.
export const highest = (peaks, from, to) => {
  let high = 0;
  const last = Math.min(Math.ceil(to / PEAK_MS), peaks.length);
  for (let n = Math.max(0, Math.floor(from / PEAK_MS)); n < last; n += 1) high = Math.max(high, peaks.at(n));
  return high;
};

class Growing {
  constructor() {
    this._values = new Float32Array(4096);
    this.length = 0;
  }

  at(n) {
    return this._values[n];
  }

  add(value) {
    if (this.length === this._values.length) {
      const larger = new Float32Array(2 * this.length);
      larger.set(this._values);
      this._values = larger;
    }
    this._values[this.length] = value;
    this.length += 1;
  }
}

// RIFF chunks up to "data"; undefined: not all of it is there yet; false: it is none that is known here.
function header(bytes) {
  if (bytes.length < 12) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const name = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (name(0) !== "RIFF" || name(8) !== "WAVE") return false;
  let format = false;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    if (name(at) === "data") return format && { ...format, data: at + 8 };
    if (at + 8 + size > bytes.length) return undefined;
    if (name(at) === "fmt ") {
      const [kind, channels, bits] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true), view.getUint16(at + 22, true)];
      if ((kind !== 1 && kind !== 0xfffe) || bits !== 16 || channels < 1) return false;
      format = { channels, rate: view.getUint32(at + 12, true) };
    }
    at += 8 + size + (size % 2);
  }
  return undefined;
}
