// The canvas of a line of time: as sharp as the screen, in the page's colours, drawn when it has changed and while it moves.
import { useEffect, useLayoutEffect, useRef } from "../ui.js";
import { coloursOf } from "./timeline_draw.js";

// `paint(ctx, width, colours)` draws; `perPixel(width)` is how many milliseconds move it by a pixel; `moves`: it does by itself.
// `wheel(event)` gets what is meant for it: with Ctrl, or sideways. Returns what the canvas takes as its ref.
export function useBoard({ height, moves, paint, perPixel, wheel }) {
  const canvas = useRef(null);
  const board = useRef({ ctx: null, width: 1, colours: {} });
  const told = useRef({});
  told.current = { paint, perPixel, wheel };
  const draw = () => {
    const { ctx, width, colours } = board.current;
    if (ctx) told.current.paint(ctx, width, colours);
  };
  useEffect(() => {
    if (!moves) draw(); // else it is drawn as it moves
  });
  useEffect(() => {
    if (!moves) return undefined;
    let frame;
    let drawn = 0;
    const step = (at) => {
      if (at - drawn >= told.current.perPixel(board.current.width * (devicePixelRatio || 1))) {
        drawn = at;
        draw();
      }
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [moves]);
  useLayoutEffect(() => {
    const element = canvas.current;
    const fit = () => {
      const width = Math.max(element.clientWidth, 1);
      const scale = devicePixelRatio || 1;
      element.width = Math.round(width * scale);
      element.height = Math.round(height * scale);
      const ctx = element.getContext("2d");
      ctx.setTransform(scale, 0, 0, scale, 0, 0);
      board.current = { ctx, width, colours: coloursOf(element) };
      draw();
    };
    const sizes = new ResizeObserver(fit);
    sizes.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", fit);
    fit();
    return () => {
      sizes.disconnect();
      scheme.removeEventListener("change", fit);
    };
  }, [height]);
  // A wheel listener of a framework's is passive: it could not keep the page from scrolling.
  useEffect(() => {
    const element = canvas.current;
    const turn = (event) => {
      if (!event.ctrlKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      told.current.wheel(event);
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, []);
  return canvas;
}
