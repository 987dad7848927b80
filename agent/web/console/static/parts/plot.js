// Plots, drawn to the width that there is; each with its figures as a table, for whoever cannot see it or wants them.
import { html, useEffect, useRef, useState } from "../ui.js";

const ROW = 30; // a bar, a range
const HIGH = 140; // what has a vertical axis
const AXIS = 56; // of a line's figures, at the left
const LETTER = 7.3; // of 13 px, about

function useWidth() {
  const ref = useRef(null);
  const [width, measure] = useState(0);
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => measure(Math.floor(entry.contentRect.width)));
    seen.observe(ref.current);
    return () => seen.disconnect();
  }, []);
  return [ref, width];
}

// A round number not below `value`, so that an axis ends on one.
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 8, 10].find((step) => step * ten >= value * 0.9999) * ten;
}

// `draw` gets a width in px and returns an svg's children and height.
function Plot({ says, head, rows, draw }) {
  const [ref, width] = useWidth();
  const drawn = width ? draw(width) : null;
  return html`
    <div class="plot" ref=${ref}>
      ${drawn && html`<svg role="img" aria-label=${says} width=${width} height=${drawn.height}>${drawn.body}</svg>`}
    </div>
    <details class="as-table">
      <summary>As a table</summary>
      <div class="scroll" tabindex="0" role="group" aria-label=${says}><table>
        <thead><tr>${head.map((name, n) => html`<th scope="col" class=${n ? "figure" : ""}>${name}</th>`)}</tr></thead>
        <tbody>${rows.map(([name, ...figures]) => html`<tr><th scope="row">${name}</th>
          ${figures.map((figure) => html`<td class="figure">${figure}</td>`)}</tr>`)}</tbody>
      </table></div>
    </details>`;
}

const labelled = (rows, width) =>
  Math.min(Math.max(...rows.map((row) => row.label.length)) * LETTER + 14, width * 0.45);

// Bars: rows of { label, value, text, most }; with `most` the bar is a share of a track that long.
export function Bars({ says, head, rows }) {
  const draw = (width) => {
    const from = labelled(rows, width);
    const room = Math.max(width - from - Math.max(...rows.map((row) => row.text.length)) * LETTER - 12, 20);
    const longest = roundUp(Math.max(...rows.map((row) => Math.max(row.value, row.most || 0))));
    const body = rows.map((row, n) => html`
      <g transform=${`translate(0 ${n * ROW})`}>
        <text x="0" y="19">${row.label}</text>
        ${row.most !== undefined && html`<rect class="cap" x=${from} y="6" width=${(row.most / longest) * room} height="18" rx="3" />`}
        <rect class=${`bar ${row.kind || ""}`} x=${from} y="6" width=${Math.max((row.value / longest) * room, row.value ? 2 : 0)} height="18" rx="3" />
        <text class="figure" x=${from + (Math.max(row.value, row.most || 0) / longest) * room + 8} y="19">${row.text}</text>
      </g>`);
    return { body, height: rows.length * ROW };
  };
  return html`<${Plot} says=${says} head=${head} draw=${draw} rows=${rows.map((row) => [row.label, row.text])} />`;
}

const ticks = (longest, n) => Array.from({ length: n + 1 }, (_, i) => (longest * i) / n);

// Ranges: rows of { label, p50, p95, p99 }: a dot at the median, a line to the 95th and a thin one to the 99th.
export function Ranges({ says, rows, unit }) {
  const draw = (width) => {
    const from = labelled(rows, width) + 8;
    const room = width - from - 24;
    const longest = roundUp(Math.max(...rows.map((row) => row.p99), 1));
    const x = (value) => from + (Math.max(value, 0) / longest) * room;
    const foot = rows.length * ROW;
    const body = html`
      ${ticks(longest, width < 480 ? 2 : 4).map((at) => html`
        <line class="grid" x1=${x(at)} x2=${x(at)} y1="0" y2=${foot} />
        <text class="dim" x=${x(at)} y=${foot + 16} text-anchor="middle">${unit(at)}</text>`)}
      ${rows.map((row, n) => html`
        <g transform=${`translate(0 ${n * ROW})`}>
          <text x="0" y="19">${row.label}</text>
          <line class="thin" x1=${x(row.p50)} x2=${x(row.p99)} y1="15" y2="15" />
          <line class="thick" x1=${x(row.p50)} x2=${x(row.p95)} y1="15" y2="15" />
          <line class="end" x1=${x(row.p99)} x2=${x(row.p99)} y1="9" y2="21" />
          <circle class="dot" cx=${x(row.p50)} cy="15" r="6" />
        </g>`)}`;
    return { body, height: foot + 22 };
  };
  const table = rows.map((row) => [row.label, unit(row.p50), unit(row.p95), unit(row.p99)]);
  return html`<${Plot} says=${says} head=${["Stage", "median", "95 %", "99 %"]} draw=${draw} rows=${table} />`;
}

// Columns: { label, value } side by side; every `each`-th has its label below.
export function Columns({ says, head, columns, each = 5 }) {
  const draw = (width) => {
    const tallest = roundUp(Math.max(...columns.map((column) => column.value)));
    const wide = (width - 34) / columns.length;
    const body = html`
      <text class="dim" x="0" y="12">${tallest}</text>
      <line class="grid" x1="34" x2=${width} y1="8" y2="8" />
      ${columns.map(({ label, value }, n) => {
        const tall = (value / tallest) * (HIGH - 8);
        return html`
          <rect class="bar" x=${34 + n * wide + 1} y=${HIGH - tall} width=${Math.max(wide - 2, 1)} height=${tall} />
          ${n % each === 0 && n < columns.length - 1 && html`<text class="dim" x=${34 + n * wide} y=${HIGH + 16}>${label}</text>`}`;
      })}
      <line class="axis" x1="34" x2=${width} y1=${HIGH} y2=${HIGH} />`;
    return { body, height: HIGH + 22 };
  };
  const table = columns.filter(({ value }) => value).map(({ label, value }) => [label, value]);
  return html`<${Plot} says=${says} head=${head} draw=${draw} rows=${table} />`;
}

// Line: points of { ago_s, value } over the last `span_s`; the table has every `each`-th.
export function Line({ says, head, points, span_s, unit, each = 30, least = 1 }) {
  const draw = (width) => {
    const tallest = Math.max(roundUp(Math.max(...points.map((point) => point.value))), least);
    const x = (ago) => AXIS + (1 - ago / span_s) * (width - AXIS);
    const y = (value) => HIGH - (value / tallest) * (HIGH - 8);
    const path = points.map((point, n) => `${n ? "L" : "M"}${x(point.ago_s).toFixed(1)} ${y(point.value).toFixed(1)}`).join("");
    const [first, last] = [points[0], points[points.length - 1]];
    const body = html`
      <text class="dim" x="0" y="12">${unit(tallest)}</text>
      <text class="dim" x="0" y=${HIGH}>${unit(0)}</text>
      <line class="grid" x1=${AXIS} x2=${width} y1="8" y2="8" />
      ${points.length > 0 && html`
        <path class="area" d=${`${path}L${x(last.ago_s).toFixed(1)} ${HIGH}L${x(first.ago_s).toFixed(1)} ${HIGH}Z`} />
        <path class="line" d=${path} />`}
      <line class="axis" x1=${AXIS} x2=${width} y1=${HIGH} y2=${HIGH} />
      <text class="dim" x=${AXIS} y=${HIGH + 16}>${`${Math.round(span_s / 60)} min ago`}</text>
      <text class="dim" x=${width} y=${HIGH + 16} text-anchor="end">now</text>`;
    return { body, height: HIGH + 22 };
  };
  const table = points
    .filter((_, n) => (points.length - 1 - n) % each === 0)
    .map((point) => [`${Math.round(point.ago_s / 60)} min ago`, unit(point.value)]);
  return html`<${Plot} says=${says} head=${head} draw=${draw} rows=${table} />`;
}
