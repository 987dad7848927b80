// The phone's state, for parts that draw it.
import { useEffect, useState } from "../ui.js";
import { phone } from "./phone.js";

export function usePhone() {
  const [state, tell] = useState(phone.state);
  useEffect(() => {
    tell(phone.state);
    return phone.watch(tell);
  }, []);
  return state;
}

// Something redrawn while `on`, as often as the screen is. What `draw` looks at is the phone's own, not a drawing's.
export function useFrames(on, draw) {
  useEffect(() => {
    if (!on) return undefined;
    let frame = requestAnimationFrame(function next() {
      draw();
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [on]);
}
