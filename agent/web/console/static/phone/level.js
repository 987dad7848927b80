// How loud samples are, for a meter: 0 (silence) to 1 (full scale), by decibels as ears have it. Pure.

const FLOOR_DB = -54;

export function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}
