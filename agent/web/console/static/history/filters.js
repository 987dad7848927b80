// What is asked of the list of calls, as its address has it: so it can be sent to somebody, and Back is back. Pure.

export const FILTERS = ["q", "since", "until", "number", "ending", "min_score", "max_score"];
export const SORTS = [
  { name: "newest", title: "Newest first" },
  { name: "oldest", title: "Oldest first" },
  { name: "score", title: "Highest score first" },
  { name: "longest", title: "Longest first" },
  { name: "cost", title: "Dearest first" },
];
const NAMES = [...FILTERS, "sort", "cursor", "page"];

// From "#/calls?q=flat" what is asked for; what it does not know is left out.
export function asked(hash) {
  const given = new URLSearchParams(hash.split("?")[1] || "");
  return Object.fromEntries(NAMES.map((name) => [name, (given.get(name) || "").trim()]).filter(([, text]) => text));
}

export function hashOf(query) {
  const told = new URLSearchParams(NAMES.filter((name) => query[name] && !(name === "sort" && query.sort === "newest")).map((name) => [name, query[name]]));
  return `#/calls${told.size ? `?${told}` : ""}`;
}

// The same, from the first page on, with these changes.
export function changed(query, changes) {
  const { cursor, page, ...rest } = { ...query, ...changes };
  return rest;
}

export const isFiltered = (query) => FILTERS.some((name) => query[name]);

// What the server is asked: the page's number is the address's own.
export const forServer = ({ page, ...query }) => query;
export const forExport = (query) => Object.fromEntries(FILTERS.map((name) => [name, query[name] || ""]));
