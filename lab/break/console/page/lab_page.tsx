// The lab in the browser: the drawing as a control panel, and below it the verdict as it forms.
import { useState } from "react";
import { Drawing, type LabMarks, type Selection } from "../../../../src/console/system/drawing.tsx";
import { figuresOf, silentAfterMs } from "../../../../src/console/system/figures.ts";
import { useHistory } from "../../../../src/console/system/history.ts";
import { Legend } from "../../../../src/console/system/legend.tsx";
import { NodePanel } from "../../../../src/console/system/node_panel.tsx";
import { useMedia, useSeconds, useSystemNews } from "../../../../src/console/system/system_socket.ts";
import { SystemTable } from "../../../../src/console/system/system_table.tsx";
import type { NodeId } from "../../../../src/console/system/topology.ts";
import type { LabNodeName, LabState } from "../../../../src/contracts/lab_console.ts";
import { EdgeActions, NodeActions } from "./actions.tsx";
import { useLab } from "./lab_client.ts";
import { VerdictView } from "./verdict_view.tsx";

const campaignContacts = 400;

export function LabPage() {
  const { state, problem, give } = useLab();
  const news = useSystemNews();
  const nowMs = useSeconds();
  const isTall = useMedia("(max-width: 760px)");
  const isCalm = useMedia("(prefers-reduced-motion: reduce)");
  const [selection, setSelection] = useState<Selection>({ node: "sales_worker" });
  const ageMs = news.atMs === null ? 0 : Math.max(0, nowMs - news.atMs);
  const isCutOff = !news.isConnected || ageMs > silentAfterMs;
  const figures = figuresOf(news.processes, ageMs, isCutOff);
  const history = useHistory(figures, news.atMs);
  return (
    <main className="lab">
      <header className="lab-head">
        <div>
          <h1>Break it</h1>
          <p className="soft">The real system, yours to break. Select a node or a line; the verdict forms below.</p>
        </div>
        <div className="actions">
          <button type="button" className="primary" onClick={() => give({ do: "campaign", contacts: campaignContacts })}>
            Text {campaignContacts} people
          </button>
          <button type="button" onClick={() => give({ do: "repair" })}>
            Make all whole
          </button>
        </div>
      </header>
      <p className="notice" role="alert">
        {problem ?? cutOffWords(news.isConnected, ageMs)}
      </p>
      <Drawing
        figures={figures}
        redisSilentMs={news.isConnected && ageMs > silentAfterMs ? ageMs : null}
        isTall={isTall}
        isMoving={!isCalm}
        selection={selection}
        onSelect={setSelection}
        marks={state === null ? noMarks : marksOf(state)}
      />
      <Legend />
      {state !== null && <VerdictView verdict={state.verdict} />}
      <div className="lab-foot">
        {"edge" in selection && state !== null && <EdgeActions edgeId={selection.edge} state={state} give={give} />}
        {"node" in selection && (
          <NodePanel key={selection.node} node={selection.node} figures={figures} history={history}>
            {state !== null && isBreakable(selection.node) && <NodeActions node={selection.node} state={state} give={give} />}
          </NodePanel>
        )}
        {state !== null && <Timeline entries={state.timeline} />}
      </div>
      <SystemTable figures={figures} />
    </main>
  );
}

function Timeline({ entries }: { entries: LabState["timeline"] }) {
  return (
    <section className="timeline" aria-label="what happened">
      <h2>What happened</h2>
      {entries.length === 0 && <p className="soft">Nothing yet. Text some people, then kill a worker.</p>}
      <ol>
        {[...entries].reverse().map((entry) => (
          <li key={`${entry.at} ${entry.what}`}>
            <time className="soft">{new Date(entry.at).toLocaleTimeString("en-GB")}</time> {entry.what}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** People and phones are out of the lab's reach. */
const isBreakable = (node: NodeId): node is NodeId & LabNodeName => node !== "people" && node !== "phones";

function cutOffWords(isConnected: boolean, ageMs: number): string {
  if (!isConnected) return "webapi is down: the figures are frozen until it is back.";
  return ageMs > silentAfterMs ? `No news by Redis for ${Math.round(ageMs / 1_000)} s: the figures are frozen.` : "";
}

const noMarks: LabMarks = { nodes: {}, links: {} };
const markWords: Readonly<Record<string, string>> = { frozen: "frozen", held_down: "held down", down: "down" };

function marksOf({ nodes, links }: LabState): LabMarks {
  const marked = Object.entries(nodes).flatMap(([name, state]) => (markWords[state] === undefined ? [] : [[name, markWords[state]]]));
  const broken = links.filter((link) => link.mode !== "pass").map((link) => [link.name, link.mode.replace("_", " ")]);
  return { nodes: Object.fromEntries(marked), links: Object.fromEntries(broken) };
}
