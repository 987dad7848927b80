// How the server stands, looked at anew every few seconds for as long as somebody can see it.
import { Problem, get } from "../api.js";
import { Findings, Kept, Process, Providers } from "../health/cards.js";
import { Endings, Latency, Past, Spend } from "../health/plots.js";
import { html, useEffect, useState } from "../ui.js";

const AGAIN_MS = 5000;

function useStanding() {
  const [standing, tell] = useState(null);
  const [fault, fail] = useState("");
  useEffect(() => {
    let timer;
    let newest = 0; // looks: one that was begun before another counts no more
    const look = async () => {
      clearTimeout(timer);
      const mine = (newest += 1);
      if (document.hidden) return; // looked at again when it is seen
      try {
        const found = await get("api/standing");
        if (mine !== newest) return;
        tell({ ...found, at: new Date() });
        fail("");
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (mine === newest) fail(error.message);
      }
      if (mine === newest) timer = setTimeout(look, AGAIN_MS);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      newest += 1;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return [standing, fault];
}

export default function Page() {
  const [standing, fault] = useStanding();
  const trouble = standing?.findings.some((each) => each.state !== "fine"); // then it comes before figures
  return html`
    <div class="row spread"><h1>Health</h1>${standing && html`<small class="figure">as of ${standing.at.toLocaleTimeString()}</small>`}</div>
    ${fault && html`<p class="fault" role="alert">${fault}${standing && " Below is how it was."}</p>`}
    ${standing && html`<div class="health">
      <${Process} process=${standing.process} />
      ${trouble && html`<${Findings} findings=${standing.findings} />`}
      <${Latency} latency=${standing.latency} />
      <${Endings} endings=${standing.endings} />
      ${!trouble && html`<${Findings} findings=${standing.findings} />`}
      <${Past} past=${standing.past} />
      <${Spend} spend=${standing.spend} />
      <${Providers} breakers=${standing.breakers} />
      <${Kept} kept=${standing.kept} />
    </div>`}`;
}
