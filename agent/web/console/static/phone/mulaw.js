// G.711 mu-law, as agent/wire/mulaw.py: bytes to linear 16-bit samples and back, by table. Pure.

export const SILENCE = 0xff; // +0; a zero byte is full-scale negative, a loud click

const PCM = new Int16Array(256);
for (let byte = 0; byte < 256; byte++) {
  const code = ~byte & 0xff;
  const magnitude = (((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
  PCM[byte] = code & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}

const LAST = [0x3f, 0x7f, 0xff, 0x1ff, 0x3ff, 0x7ff, 0xfff, 0x1fff]; // of each segment
const CODE = new Uint8Array(65536); // by the sample seen as unsigned
for (let at = 0; at < 65536; at++) {
  const sample = ((at << 16) >> 16) >> 2;
  const magnitude = Math.min(Math.abs(sample) + 33, 0x1fff);
  const segment = LAST.findIndex((last) => magnitude <= last);
  const code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0f);
  CODE[at] = sample < 0 ? code ^ 0x7f : code ^ 0xff;
}

export const decode = (byte) => PCM[byte];
export const encode = (sample) => CODE[sample & 0xffff];

// A sample between -1 and 1, clipped.
export const encodeFloat = (value) => CODE[Math.max(-32768, Math.min(32767, Math.round(value * 32768))) & 0xffff];
