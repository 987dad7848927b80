// What Twilio's Media Streams say, both ways: agent/rehearsal/stream.py is the model of what is sent. Pure.
//
// Beside it one event of our own, which the server takes from a softphone only: `typed`, words instead of sound.

const FRAME_MS = 20;

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

export class Stream {
  constructor(start) {
    this.start = start;
    this.sequence = 0;
    this.chunk = 0;
  }

  opening() {
    return [
      JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" }),
      this.numbered("start", this.start),
    ];
  }

  // 160 bytes of mu-law.
  media(frame) {
    const timestamp = String(this.chunk * FRAME_MS);
    this.chunk += 1;
    return this.numbered("media", { track: "inbound", chunk: String(this.chunk), timestamp, payload: base64(frame) });
  }

  mark(name) {
    return this.numbered("mark", { name });
  }

  key(digit) {
    return this.numbered("dtmf", { track: "inbound_track", digit });
  }

  typed(text) {
    return this.numbered("typed", { text });
  }

  stop() {
    return this.numbered("stop", { accountSid: this.start.accountSid, callSid: this.start.callSid });
  }

  numbered(event, body) {
    this.sequence += 1;
    return JSON.stringify({ event, sequenceNumber: String(this.sequence), [event]: body, streamSid: this.start.streamSid });
  }
}

// One of the server's three: {media: bytes}, {mark: name}, {clear: true}; {} for what is none of them.
export function heard(text) {
  const message = JSON.parse(text);
  switch (message.event) {
    case "media": return { media: Uint8Array.from(atob(message.media.payload), (char) => char.charCodeAt(0)) };
    case "mark": return { mark: message.mark.name };
    case "clear": return { clear: true };
    default: return {};
  }
}
