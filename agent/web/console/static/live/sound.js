// The line's sound as figures: G.711 mu-law, 8 kHz, both sides interleaved. Pure.

// ITU-T G.711, as floats from -1 to 1.
export const MULAW = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
  return (code & 0x80 ? -magnitude : magnitude) / 32768;
});

// Bytes come in pieces of any length: an odd one waits for its other side.
export function stereo() {
  let odd = -1;
  return (bytes) => {
    const all = odd < 0 ? bytes : Uint8Array.of(odd, ...bytes);
    odd = all.length % 2 ? all.at(-1) : -1;
    const left = new Float32Array(all.length >> 1);
    const right = new Float32Array(all.length >> 1);
    for (let n = 0; n < left.length; n += 1) {
      left[n] = MULAW[all[2 * n]];
      right[n] = MULAW[all[2 * n + 1]];
    }
    return [left, right];
  };
}
