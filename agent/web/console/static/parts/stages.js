// A turn's time, stage by stage: from the caller's last word to the first audio of the answer. Pure.
import { millis, seconds } from "../format.js";

export const STAGES = [
  { name: "endpoint", title: "End of turn", what: "the silence that was waited to be sure that the caller had finished" },
  { name: "heard", title: "Transcription", what: "what was left of turning speech into text" },
  { name: "token", title: "First token", what: "until the model’s first word" },
  { name: "audio", title: "First audio", what: "until the answer's first audio was sent" },
];

// `turns`: a record's, or `stage` moments: {turn?, endpoint_ms?, heard_ms, first_token_ms, first_audio_ms}, times from the
// end-of-turn decision. In a record a turn is known by its place.
export function turnsOf(turns) {
  return turns.map((times, n) => {
    const ends = [times.heard_ms, times.first_token_ms, times.first_audio_ms];
    let before = 0;
    const took = ends.map((end) => {
      const part = Math.max(0, end - before);
      before = Math.max(before, end);
      return part;
    });
    const all = [times.endpoint_ms ?? null, ...took];
    const stages = STAGES.map((stage, k) => ({ ...stage, ms: all[k] }));
    return {
      turn: times.turn ?? n + 1,
      said_ms: times.said_ms ?? null,
      stages,
      total_ms: all.reduce((sum, ms) => sum + (ms ?? 0), 0),
      slowest: most(stages),
      work: most(stages.slice(1)),
    };
  });
}

const most = (stages) => stages.reduce((a, b) => ((b.ms ?? -1) > (a.ms ?? -1) ? b : a));

export const slowestOf = (turns) => turns.reduce((a, b) => (a && a.total_ms >= b.total_ms ? a : b), null);

// Each figure of it, for whoever does not see the bars.
export const inWords = (turn) =>
  `Turn ${turn.turn}: ${seconds(turn.total_ms)}. ${turn.stages
    .filter((stage) => stage.ms !== null)
    .map((stage) => `${stage.title} ${millis(stage.ms)}`)
    .join(", ")}. Slowest: ${turn.slowest.title}.`;

// What somebody wants to know first; "" where no turn was answered.
export function verdict(turns) {
  const worst = slowestOf(turns);
  if (!worst) return "";
  const { slowest, work } = worst;
  const which = turns.length > 1 ? `Turn ${worst.turn} was the slowest: ` : "";
  const took = `${which}${seconds(worst.total_ms)} from the caller’s last word to the first audio of the answer.`;
  const mostly = `Most of it was ${slowest.title.toLowerCase()} (${millis(slowest.ms)}): ${slowest.what}.`;
  const then = slowest === work ? "" : ` Of the work itself, ${work.title.toLowerCase()} took longest (${millis(work.ms)}).`;
  return `${took} ${mostly}${then}`;
}
