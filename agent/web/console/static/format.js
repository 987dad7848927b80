// Figures as people read them. Pure.

export const duration = (ms) => {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
    : `${Math.floor(s / 60)}:${two(s % 60)}`;
};

export const seconds = (ms) => (ms === null || ms === undefined ? "–" : `${(ms / 1000).toFixed(2)} s`);

export const millis = (ms) => (ms === null || ms === undefined ? "–" : `${Math.round(ms)} ms`);

export const money = (usd) =>
  usd === null || usd === undefined ? "–" : `$${usd.toFixed(usd !== 0 && Math.abs(usd) < 0.1 ? 4 : 2)}`;

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
export const when = (iso) => {
  if (!iso) return "–";
  const at = new Date(iso);
  const today = day.format(new Date()) === day.format(at);
  return today ? `today ${clock.format(at)}` : `${day.format(at)} ${clock.format(at)}`;
};

export const person = (number) => {
  if (!number) return "unknown";
  return number.startsWith("client:") ? "softphone" : number;
};
