// What is tried: a draft in, the body of POST /api/softphone out; and two calls, as they differ. Pure but for the session's
// storage, which a tab forgets when it is closed.

export const GUARDS = {
  BARGE_IN_MS: ["Barge-in", "Speech that silences the agent while it speaks."],
  BARGE_IN_THINKING_MS: ["Barge-in while it thinks", "Speech that holds back an answer that is being thought of."],
  BACKCHANNEL_MS: ["Backchannel", "Speech up to this long may be a “mm-hm”, after which the agent goes on."],
  FALSE_INTERRUPTION_S: ["False interruption", "From the end of a sound without words until the agent goes on."],
  PAUSE_MS: ["Pause", "Silence after which transcription begins, in the hope that it is the end."],
  END_SILENCE_MS: ["End of turn", "Silence that ends your turn after words that are complete."],
  END_SILENCE_LONG_MS: ["End of turn, unfinished", "The same after “and…”, or amid a number that is dictated."],
  VAD_THRESHOLD: ["Speech threshold", "How sure the detector has to be that a sound is speech, 0 to 1."],
  FILLER_S: ["Filler", "Silence of the agent, when it is its turn, before it says that it needs a moment."],
  SILENCE_S: ["Silence", "Of both sides, before the agent asks whether you are there."],
  ECHO_GUARD: ["Echo guard", "Do not take the agent’s own voice, coming back, for yours."],
};

export const unit = (name) => (name.endsWith("_MS") ? "ms" : name.endsWith("_S") ? "s" : "");

// "32 to 2000 ms", "above 0, up to 10 s".
export function bounds({ name, least, most, above, below }) {
  const from = least ?? null;
  const to = most ?? null;
  const low = from !== null ? `${from}` : above !== null && above !== undefined ? `above ${above}` : "";
  const high = to !== null ? `${to}` : below !== null && below !== undefined ? `below ${below}` : "";
  const joint = low && high ? (from !== null && to !== null ? " to " : to !== null ? ", up to " : ", ") : "";
  return `${low}${joint}${high} ${unit(name)}`.trim();
}

export const draftOf = (present) => ({
  prompt: present.prompt,
  greeting: present.greeting,
  voice: present.voice,
  language: present.language,
  settings: Object.fromEntries(present.settings.map(({ name, value }) => [name, value])),
});

// Only what differs: the rest is the server's.
export function bodyOf(draft, present) {
  const tried = { settings: {} };
  if (draft.prompt.trim() && draft.prompt !== present.prompt) tried.prompt = draft.prompt;
  if (draft.greeting.trim() && draft.greeting !== present.greeting) tried.greeting = draft.greeting;
  for (const { name, value } of present.settings) {
    const wanted = draft.settings[name];
    if (wanted !== value && wanted !== "" && wanted !== undefined) tried.settings[name] = wanted;
  }
  const body = { tried };
  if (draft.voice && draft.voice !== present.voice) body.voice = draft.voice;
  if (draft.language && draft.language !== present.language) body.language = draft.language;
  return body;
}

// What was told for a call, name by name.
const flat = ({ tried = {}, voice, language }) => ({
  ...(tried.prompt === undefined ? {} : { prompt: tried.prompt }),
  ...(tried.greeting === undefined ? {} : { greeting: tried.greeting }),
  ...(voice ? { voice } : {}),
  ...(language ? { language } : {}),
  ...tried.settings,
});

// [{name, before, after}]: undefined is "as it is for all".
export function differences(before, after) {
  const [a, b] = [flat(before), flat(after)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((name) => a[name] !== b[name])
    .map((name) => ({ name, before: a[name], after: b[name] }));
}

// Lines that only one of two texts has: {gone, come}.
export function lineDifference(before, after) {
  const [a, b] = [before, after].map((text) => text.split("\n").filter((line) => line.trim()));
  return { gone: a.filter((line) => !b.includes(line)), come: b.filter((line) => !a.includes(line)) };
}

export function recall(name, missing) {
  try {
    return JSON.parse(sessionStorage.getItem(name)) ?? missing;
  } catch {
    return missing;
  }
}

export function remember(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // It is full, or forbidden: then it lasts as long as the page.
  }
}
