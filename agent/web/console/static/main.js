// The page's frame: who is there, where one is, and the page that belongs there.
import { Problem, ask, get, onSignedOut, signOut } from "./api.js";
import { SignIn } from "./parts/sign_in.js";
import { html, render, useEffect, useState } from "./ui.js";

// Each is fetched when it is first gone to. "scope" is what its server side asks for.
const PAGES = [
  { path: "call", title: "Call", load: () => import("./pages/call.js") },
  { path: "live", title: "Live", load: () => import("./pages/live.js") },
  { path: "calls", title: "History", load: () => import("./pages/calls.js") },
  { path: "health", title: "Health", load: () => import("./pages/health.js") },
  { path: "place", title: "Place a call", load: () => import("./pages/place.js") },
  { path: "try", title: "Try the agent", load: () => import("./pages/try.js"), development: true },
];

const decoded = (part) => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // an address that was cut off, or typed
  }
};

// What is behind a "?" is the page's own.
const where = () => location.hash.replace(/^#\//, "").split("?")[0].split("/").map(decoded);

function useWhere() {
  const [parts, move] = useState(where);
  useEffect(() => {
    const moved = () => move(where());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return parts;
}

function Page({ page, rest, about, session }) {
  const [Shown, show] = useState(null);
  const [fault, fail] = useState("");
  useEffect(() => {
    let gone = false;
    show(null);
    fail("");
    page.load().then(
      (module) => gone || show(() => module.default),
      () => gone || fail("This page could not be loaded. Is the server running?"),
    );
    document.title = `${page.title} · ${about.agent}`;
    return () => { gone = true; };
  }, [page]);
  if (fault) return html`<p class="fault" role="alert">${fault}</p>`;
  return Shown && html`<${Shown} rest=${rest} about=${about} session=${session} />`;
}

function Frame({ about, session, leave }) {
  const [name, ...rest] = useWhere();
  const pages = PAGES.filter((page) => !page.development || about.development);
  const page = pages.find((each) => each.path === name) || pages[0];
  useEffect(() => {
    scrollTo(0, 0);
  }, [page, rest.join("/")]);
  return html`
    <a class="skip" href="#content" onClick=${(event) => {
      event.preventDefault(); // the address tells the page
      document.getElementById("content").focus();
    }}>Skip to content</a>
    <header class="frame">
      <a class="brand" href="#/call"><img src="console/icon.svg" alt="" width="28" height="28" />
        <span>${about.agent}<small>${about.company}</small></span></a>
      <nav aria-label="Pages">
        ${pages.map((each) => html`<a href=${`#/${each.path}`} aria-current=${each === page ? "page" : undefined}>${each.title}</a>`)}
      </nav>
      <div class="visitor">${session.expires_at
        ? html`<span>${session.who}</span><button class="quiet" onClick=${leave}>Sign out</button>`
        : html`<small>${session.who}</small>`}</div>
    </header>
    <main id="content" tabindex="-1"><${Page} page=${page} rest=${rest} about=${about} session=${session} /></main>`;
}

function Console() {
  const [session, enter] = useState(undefined); // undefined: not asked yet; null: nobody
  const [about, tell] = useState(null);
  const [fault, fail] = useState("");
  const look = async () => {
    try {
      const found = await get("session");
      tell(await get("api/about"));
      enter(found);
      fail("");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) enter(null);
      else fail(error.message);
    }
  };
  useEffect(() => { look(); }, []);
  useEffect(() => onSignedOut(() => enter(null)), []);
  const leave = async () => {
    await ask("DELETE", "session").catch(() => {});
    signOut();
  };
  if (fault) return html`<main class="alone"><p class="fault" role="alert">${fault}</p><button onClick=${look}>Try again</button></main>`;
  if (session === undefined) return null;
  if (session === null) return html`<${SignIn} entered=${look} />`;
  return html`<${Frame} about=${about} session=${session} leave=${leave} />`;
}

render(html`<${Console} />`, document.getElementById("console"));
