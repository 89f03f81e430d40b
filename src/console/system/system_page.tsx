// The System page: the drawing, the selected node's figures, the same as a table. Loaded when it is
// first opened (uPlot comes with it).
import { useState } from "react";
import { Drawing, type Selection } from "./drawing.tsx";
import { figuresOf, silentAfterMs } from "./figures.ts";
import { useHistory } from "./history.ts";
import { Legend } from "./legend.tsx";
import { NodePanel } from "./node_panel.tsx";
import "./system.css";
import { useMedia, useSeconds, useSystemNews } from "./system_socket.ts";
import { SystemTable } from "./system_table.tsx";

export default function SystemPage() {
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
    <>
      <h1>System</h1>
      <p className="soft lead">Six processes, two databases, Redis. The lines show their traffic now. Select a node.</p>
      <Drawing
        figures={figures}
        redisSilentMs={news.isConnected && ageMs > silentAfterMs ? ageMs : null}
        isTall={isTall}
        isMoving={!isCalm}
        selection={selection}
        onSelect={setSelection}
        marks={null}
      />
      <Legend />
      {"node" in selection && <NodePanel key={selection.node} node={selection.node} figures={figures} history={history} />}
      <SystemTable figures={figures} />
    </>
  );
}
