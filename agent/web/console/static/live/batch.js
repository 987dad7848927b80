// Many changes, one drawing: what is told between two frames is drawn with the next of them.
import { useEffect, useMemo, useState } from "../ui.js";

export function batched(act) {
  let frame = 0;
  const asked = () => {
    frame = 0;
    act();
  };
  const ask = () => { frame ||= requestAnimationFrame(asked); };
  ask.stop = () => cancelAnimationFrame(frame);
  return ask;
}

// A function that asks for this part to be drawn again, once a frame at most.
export function useBatched() {
  const [, draw] = useState(0);
  const ask = useMemo(() => batched(() => draw((n) => n + 1)), []);
  useEffect(() => ask.stop, []);
  return ask;
}
