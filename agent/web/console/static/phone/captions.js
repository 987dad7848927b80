// One call's captions: the server's moments of it, and what was thrown away here.
import { address, get } from "../api.js";
import { follow } from "../follow.js";
import { Talk } from "./talk.js";

const LATER_MS = 700;
const TRIES = 20; // of asking for the record of a call that is over

export class Captions {
  constructor(callSid, changed) {
    this.callSid = callSid;
    this.talk = new Talk();
    this.record = null;
    this.finished = false; // the record is complete
    this.waiting = false; // the server does not answer at the moment
    this.last = 0; // moment's number: whoever asks anew is told all from the beginning
    this.changed = changed;
    this.stop = follow(address(`api/live/${callSid}`), {
      moment: (moment, { lastEventId }) => this.take(moment, Number(lastEventId)),
      record: (record) => this.told(() => { this.record = record; }),
      end: () => this.over(),
    }, (state) => this.told(() => { this.waiting = state === "waiting"; }));
  }

  told(act) {
    act();
    this.changed();
  }

  take(moment, number) {
    if (number && number <= this.last) return;
    this.last = number;
    this.told(() => this.talk.take(moment));
  }

  cleared() {
    this.told(() => this.talk.cleared());
  }

  finish(record) {
    this.told(() => {
      this.record = record;
      this.finished = true;
      this.talk.settle(record);
    });
  }

  // The call has ended: its record is finished within a moment.
  async over() {
    if (this.ended) return;
    this.ended = true;
    this.stop();
    this.told(() => {
      this.waiting = false;
      this.talk.cleared();
    });
    for (let n = 0; n < TRIES && !this.finished; n++) {
      const record = await get(`api/calls/${this.callSid}`).catch(() => null);
      if (record?.ending) this.finish(record);
      else await new Promise((resume) => setTimeout(resume, LATER_MS));
    }
  }
}
