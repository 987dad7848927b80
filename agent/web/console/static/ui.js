// The two libraries, under one name: html`<${Part} name=${value} />` makes what render takes.
import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { Fragment, createContext, render } from "./vendor/preact.js";
export * from "./vendor/hooks.js";
