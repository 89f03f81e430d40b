// Everything known about the selected node: its figures now, and its last minutes as charts.
import type { ReactNode } from "react";
import { type ProcessName, processes, processNames } from "../../contracts/processes.ts";
import { Chart } from "./chart.tsx";
import { type ProcessFigures, type SystemFigures, showCpu, showDelay, showMegabytes, showRate } from "./figures.ts";
import type { History, Sample } from "./history.ts";
import { stateWords } from "./nodes.tsx";
import type { NodeId } from "./topology.ts";

interface NodePanelProps {
  node: NodeId;
  figures: SystemFigures;
  history: History;
  /** The actions on it, in a lab. */
  children?: ReactNode;
}

export function NodePanel({ node, figures, history, children }: NodePanelProps) {
  const process = (processNames as readonly string[]).includes(node) ? (node as ProcessName) : null;
  return (
    <section className="node-panel" aria-label={`about ${node}`}>
      <header>
        <h2>{node}</h2>
        <p className="soft">{process === null ? storeWords[node] : processes[process].description}</p>
      </header>
      {children}
      {process !== null && process !== "simulator" && <ProcessDetails figures={figures[process]} samples={history[process]} />}
    </section>
  );
}

const storeWords: Readonly<Partial<Record<NodeId, string>>> = {
  redis: "two job queues and the live updates; it may be wiped at any moment, and only time is lost",
  ds: "Postgres: workspaces, credit, ledger, keys",
  salesdb: "Postgres: campaigns, messages, receipts, outbox",
};

function ProcessDetails({ figures, samples }: { figures: ProcessFigures; samples: readonly Sample[] }) {
  const times = samples.map((sample) => sample.atS);
  const rates = Object.keys(figures.rates).filter((name) => samples.some((sample) => (sample.rates[name] ?? 0) > 0));
  const levels = Object.entries(figures.levels);
  return (
    <>
      <p>
        {stateWords(figures)}
        {figures.uptimeS !== null && `, up for ${figures.uptimeS.toLocaleString("en-GB")} s`}
        {figures.instances.length > 0 && `, pid ${figures.instances.map((instance) => instance.pid).join(", ")}`}
        {levels.map(([name, value]) => ` · ${name.replaceAll("_", " ")} ${value.toLocaleString("en-GB")}`)}
      </p>
      <div className="charts">
        <Chart description="CPU" times={times} values={samples.map((sample) => sample.cpu)} show={showCpu} />
        <Chart
          description="memory"
          times={times}
          values={samples.map((sample) => sample.memoryMib)}
          show={(mib) => showMegabytes(mib * 1_048_576)}
        />
        <Chart description="event-loop delay, p99" times={times} values={samples.map((sample) => sample.delayMs)} show={showDelay} />
        {rates.map((name) => (
          <Chart
            key={name}
            description={name.replaceAll("_", " ")}
            times={times}
            values={samples.map((sample) => sample.rates[name] ?? null)}
            show={(value) => `${showRate(value)}/s`}
          />
        ))}
      </div>
    </>
  );
}
