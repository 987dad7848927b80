// The phone's state, for parts that draw it.
import { useEffect, useRef, useState } from "../ui.js";
import { phone } from "./phone.js";

export function usePhone() {
  const [state, tell] = useState(phone.state);
  useEffect(() => {
    tell(phone.state);
    return phone.watch(tell);
  }, []);
  return state;
}

// What one has just pressed is gone with what it did: the focus goes to what one may want next, unless it is somewhere.
export function useFocus(wanted) {
  const place = useRef(null);
  useEffect(() => {
    if (wanted && document.activeElement === document.body) place.current?.focus();
  }, [wanted]);
  return place;
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
