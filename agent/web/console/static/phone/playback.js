// What a server sends, as a carrier plays it: agent/rehearsal/playback.py is the model. Pure: whoever takes samples tells
// the time by that.
//
// A mark comes back when everything before it has been played, at once where nothing waits; a clear drops the sound and
// gives back the waiting marks.
import { decode } from "./mulaw.js";

export const MOST = 10 * 60 * 8000; // Twilio buffers ten minutes and discards what is added

export class Playback {
  constructor() {
    this.pieces = [];
    this.begin = 0; // of the first piece, what is played
    this.waiting = 0; // samples
    this.played = 0;
    this.marks = []; // {name, at}: reached once so many samples have been played
  }

  media(bytes) {
    if (!bytes.length || this.waiting + bytes.length > MOST) return;
    this.pieces.push(bytes);
    this.waiting += bytes.length;
  }

  // Whether it is to be given back at once.
  mark(name) {
    if (!this.waiting) return true;
    this.marks.push({ name, at: this.played + this.waiting });
    return false;
  }

  // The marks that are given back without having been heard.
  clear() {
    const given = this.marks.map(({ name }) => name);
    this.pieces = [];
    this.marks = [];
    this.begin = this.waiting = 0;
    return given;
  }

  // Play so many samples into `into`, silence where there is nothing: the marks reached, with the sample of each.
  take(into) {
    let at = 0;
    const from = this.played;
    while (at < into.length && this.pieces.length) {
      const piece = this.pieces[0];
      const count = Math.min(piece.length - this.begin, into.length - at);
      for (let n = 0; n < count; n++) into[at + n] = decode(piece[this.begin + n]) / 32768;
      at += count;
      this.begin += count;
      this.waiting -= count;
      this.played += count;
      if (this.begin === piece.length) {
        this.pieces.shift();
        this.begin = 0;
      }
    }
    into.fill(0, at);
    const reached = [];
    while (this.marks.length && this.marks[0].at <= this.played) {
      const { name, at: sample } = this.marks.shift();
      reached.push({ name, sample: sample - from });
    }
    return reached;
  }
}
