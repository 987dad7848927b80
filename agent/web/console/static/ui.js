// The two libraries, under one name: html`<${Part} name=${value} />` makes what render takes.
import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { Fragment, createContext, render } from "./vendor/preact.js";
export * from "./vendor/hooks.js";

// A part that is drawn again only when something that it is given is another thing than before.
export const once = (draw) => function Once(props) {
  this.shouldComponentUpdate ||= (next) => Object.keys({ ...this.props, ...next }).some((name) => next[name] !== this.props[name]);
  return draw(props);
};
