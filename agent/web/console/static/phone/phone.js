// The softphone: one call at a time, which goes on while one looks at other pages.
import { onSignedOut, post } from "../api.js";
import { Captions } from "./captions.js";
import { Sound, askMicrophone, beginSound } from "./sound.js";
import { Stream, heard } from "./stream.js";

const IDLE = {
  stage: "idle", // asking (for the microphone), connecting, talking, over
  callSid: "",
  began: 0, // of performance.now()
  ended: 0,
  microphone: false,
  why: "", // there is none
  muted: false,
  keys: "",
  fault: "",
  given: null, // what the agent was told for this call alone
  captions: null,
};

export class Phone {
  constructor() {
    this.state = IDLE;
    this.levels = { caller: 0, agent: 0 }; // read by who draws, at their own pace
    this.watching = new Set();
    this.turn = 0; // of the calls: what comes late is of one that is over
    addEventListener("pagehide", () => this.hangUp());
    onSignedOut(() => this.hangUp()); // else the microphone stays open behind a page that does not show it
  }

  watch(told) {
    this.watching.add(told);
    return () => this.watching.delete(told);
  }

  tell(changes) {
    this.state = { ...this.state, ...changes };
    for (const told of this.watching) told(this.state);
  }

  get busy() {
    return ["asking", "connecting", "talking"].includes(this.state.stage);
  }

  // `given` is the body of POST /api/softphone. Rejects with what the server said of it, or the browser; so does the state.
  async call(given = {}, { microphone = true } = {}) {
    if (this.busy) return;
    const turn = ++this.turn;
    const gone = () => turn !== this.turn;
    this.tell({ ...IDLE, stage: "asking", given });
    let begun;
    let asked;
    const release = () => {
      asked?.stream?.getTracks().forEach((track) => track.stop());
      if (begun && begun.context.state !== "closed") begun.context.close();
    };
    try {
      begun = beginSound();
      asked = microphone ? await askMicrophone() : { why: "" };
      if (gone()) return void release();
      this.tell({ stage: "connecting", microphone: Boolean(asked.stream), why: asked.why || "" });
      const told = await post("api/softphone", given);
      if (gone()) return void release();
      const sound = await Sound.open(begun, asked.stream, {
        frame: (frame, level) => this.frame(frame, level),
        mark: (name) => this.marked(name),
        level: (level) => { this.levels.agent = level; },
        lost: () => this.tell({ microphone: false, why: "The microphone is gone. You can type instead." }),
      });
      if (gone()) return void sound.close();
      this.sound = sound;
      this.connect(told, turn);
    } catch (error) {
      release();
      if (gone()) return;
      this.tell({ stage: "idle", fault: error.message });
      throw error;
    }
  }

  connect({ url, start }, turn) {
    const socket = new WebSocket(url);
    const stream = new Stream(start);
    this.socket = socket;
    this.stream = stream;
    this.tell({ callSid: start.callSid });
    socket.onopen = () => {
      for (const message of stream.opening()) socket.send(message);
      this.tell({ stage: "talking", began: performance.now() });
    };
    socket.onmessage = ({ data }) => {
      if (turn !== this.turn) return;
      this.listen(start.callSid);
      const message = heard(data);
      if (message.clear) this.state.captions?.cleared();
      this.sound?.play(message);
    };
    socket.onclose = ({ code, reason }) => {
      if (turn === this.turn) this.over(code === 1000 ? "" : reason || "The line was lost.");
    };
  }

  // Captions come from the server: they begin once it has taken the call, so that the call is there to be asked about.
  listen(callSid) {
    if (this.state.captions) return;
    this.tell({ captions: new Captions(callSid, () => this.tell({})) });
  }

  frame(frame, level) {
    this.levels.caller = level;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.stream.media(frame));
  }

  // The captions are told of it by the server: a mark's number is a sentence's, and not that of a piece of it.
  marked(name) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.stream.mark(name));
  }

  press(digit) {
    if (this.state.stage !== "talking") return;
    this.socket.send(this.stream.key(digit));
    this.tell({ keys: (this.state.keys + digit).slice(-24) });
  }

  type(text) {
    if (this.state.stage === "talking" && text.trim()) this.socket.send(this.stream.typed(text.trim()));
  }

  mute(muted) {
    this.sound?.mute(muted);
    this.tell({ muted });
  }

  hangUp() {
    if (!this.busy) return;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.stream.stop());
    this.over("");
  }

  over(fault) {
    this.turn += 1;
    const spoke = this.state.stage === "talking";
    this.socket?.close(1000);
    this.sound?.close();
    this.socket = this.sound = this.stream = null;
    this.levels.caller = this.levels.agent = 0;
    this.state.captions?.over();
    this.tell({ stage: spoke ? "over" : "idle", ended: performance.now(), fault, muted: false });
  }
}

export const phone = new Phone();
