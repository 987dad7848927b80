// The sound of one call: microphone and loudspeaker, with a thread of their own (worklets).

const module = (name) => new URL(`./${name}`, import.meta.url).href;

const WANTED = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } };

const WHY = {
  NotAllowedError: "The microphone was refused. Allow it in the address bar and call again, or type instead.",
  NotFoundError: "There is no microphone on this device. You can type instead.",
  NotReadableError: "Another program holds the microphone. Close it and call again, or type instead.",
};

// A microphone, or why there is none: {stream} or {why}.
export async function askMicrophone() {
  if (!navigator.mediaDevices) {
    return { why: "Browsers give a microphone to pages of https or localhost only. You can type instead." };
  }
  try {
    return { stream: await navigator.mediaDevices.getUserMedia(WANTED) };
  } catch (error) {
    return { why: WHY[error.name] || `The microphone does not work (${error.name}). You can type instead.` };
  }
}

// Begun within the click, as browsers want it, while the microphone is asked for.
export function beginSound() {
  const context = new AudioContext({ latencyHint: "interactive" });
  const ready = context.audioWorklet
    ? Promise.all([...["microphone_worklet.js", "speaker_worklet.js"].map((name) => context.audioWorklet.addModule(module(name))), context.resume()])
    : Promise.reject(new Error("Sound takes a page of https or localhost, in a browser of these days."));
  ready.catch(() => {}); // it is told where it is waited for
  return { context, ready };
}

export class Sound {
  // `on` has frame(bytes, level), mark(name, unheard), level(loudness), lost().
  static async open({ context, ready }, stream, on) {
    await ready;
    return new Sound(context, stream, on);
  }

  constructor(context, stream, on) {
    this.context = context;
    this.stream = stream;
    this.microphone = new AudioWorkletNode(context, "microphone", { channelCount: 1, channelCountMode: "explicit" });
    this.speaker = new AudioWorkletNode(context, "speaker", { numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [2] });
    this.microphone.connect(context.destination); // it says nothing there; what leads nowhere is not run
    this.speaker.connect(context.destination);
    this.microphone.port.onmessage = ({ data }) => on.frame(data.frame, data.level);
    this.speaker.port.onmessage = ({ data }) => {
      if ("mark" in data) on.mark(data.mark, Boolean(data.unheard));
      if ("level" in data) on.level(data.level);
    };
    if (stream) {
      context.createMediaStreamSource(stream).connect(this.microphone);
      for (const track of stream.getTracks()) track.onended = on.lost;
    }
    // A Bluetooth headset plays a quarter of a second later than it is given: a mark tells what was heard.
    const late = () => this.speaker.port.postMessage({ latency: context.outputLatency || context.baseLatency || 0 });
    late();
    this.looking = setInterval(late, 1000);
  }

  play(message) {
    this.speaker.port.postMessage(message);
  }

  mute(muted) {
    this.microphone.port.postMessage({ muted });
  }

  close() {
    clearInterval(this.looking);
    this.stream?.getTracks().forEach((track) => track.stop());
    this.microphone.port.postMessage({ over: true });
    this.speaker.port.postMessage({ over: true });
    this.context.close();
  }
}
