// The server's time, by which calls begin and end: the clock of whoever looks may be minutes from it.

const NEAR_MS = 2000; // an answer tells whole seconds, and was under way for a while

let ahead = 0;

// Every answer tells it; an answer without it tells nothing.
export function told(response) {
  const at = Date.parse(response.headers.get("Date"));
  if (Number.isNaN(at)) return;
  const by = at + 500 - Date.now();
  ahead = Math.abs(by) > NEAR_MS ? by : 0;
}

export const now = () => Date.now() + ahead;
