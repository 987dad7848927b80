// The line's sound as two sides of samples: mu-law, 8 kHz, interleaved, the caller first. Pure.
import { decode } from "../phone/mulaw.js";

// How loud a side is, from 0 to 1: its peak, on a scale of 60 dB.
export function level(side) {
  const peak = side.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return Math.max(0, 1 + Math.log10(Math.max(peak, 1e-6)) / 3);
}

// Bytes come in pieces of any length: an odd one waits for its other side.
export function stereo() {
  let odd = -1;
  return (bytes) => {
    const all = odd < 0 ? bytes : Uint8Array.of(odd, ...bytes);
    odd = all.length % 2 ? all.at(-1) : -1;
    const sides = [new Float32Array(all.length >> 1), new Float32Array(all.length >> 1)];
    for (let n = 0; n < sides[0].length * 2; n += 1) sides[n % 2][n >> 1] = decode(all[n]) / 32768;
    return sides;
  };
}
