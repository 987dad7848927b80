// Samples at one rate to samples at another, as they stream through. Pure.
//
// A linear-phase low-pass, Kaiser window (beta 8) and 4 ms long, as agent/wire/resample.py: flat up to 3 kHz, 80 dB from
// 4.5 kHz on, so nothing folds on the way down to 8 kHz and nothing is mirrored on the way up. Any two whole rates: one
// row of coefficients for each place that an output can have between two inputs.

const CUTOFF_HZ = 3700;
const SPAN_S = 0.004;
const BETA = 8;

// The zeroth-order modified Bessel function, by its series.
function bessel(x) {
  let sum = 1;
  for (let n = 1, term = 1; term > sum * 1e-12; n++) {
    term *= (x / (2 * n)) ** 2;
    sum += term;
  }
  return sum;
}

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

export class Resampler {
  constructor(from, to) {
    const common = divisor(from, to);
    this.up = to / common;
    this.down = from / common;
    this.half = Math.ceil((SPAN_S * from) / 2);
    this.taps = 2 * this.half + 1;
    this.rows = Array.from({ length: this.up }, (_, row) => this.row(row / this.up, from));
    this.held = new Float32Array(this.half); // inputs that outputs still to come need, the oldest first
    this.at = 0; // of the next output, in up-ths of an input, from the first of `held` that is at its centre
  }

  row(shift, rate) {
    const shape = new Float32Array(this.taps);
    let sum = 0;
    for (let k = 0; k < this.taps; k++) {
      const t = k - this.half - shift;
      const x = (2 * CUTOFF_HZ * t) / rate;
      const edge = t / (this.half + 1);
      shape[k] = (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * bessel(BETA * Math.sqrt(Math.max(0, 1 - edge * edge)));
      sum += shape[k];
    }
    return shape.map((value) => value / sum);
  }

  // How many more inputs there have to be for so many outputs.
  needs(outputs) {
    if (outputs <= 0) return 0;
    const last = Math.floor((this.at + (outputs - 1) * this.down) / this.up);
    return Math.max(0, last + this.taps - this.held.length);
  }

  // What can be known by now; a new array.
  feed(samples) {
    const all = new Float32Array(this.held.length + samples.length);
    all.set(this.held);
    all.set(samples, this.held.length);
    const room = (all.length - this.taps + 1) * this.up - this.at; // up-ths of an input that can be centres
    const count = room > 0 ? Math.ceil(room / this.down) : 0;
    const out = new Float32Array(count);
    for (let n = 0; n < count; n++) {
      const begin = Math.floor(this.at / this.up);
      const row = this.rows[this.at % this.up];
      let sum = 0;
      for (let k = 0; k < this.taps; k++) sum += all[begin + k] * row[k];
      out[n] = sum;
      this.at += this.down;
    }
    const used = Math.min(Math.floor(this.at / this.up), all.length);
    this.held = all.slice(used);
    this.at -= used * this.up;
    return out;
  }
}
