// The drawing in words: the same nodes, states, figures and edges as two tables, for screen readers
// and for everyone who prefers tables.
import { processNames } from "../../contracts/processes.ts";
import { edgeFigures, type SystemFigures, showCpu, showDelay, showMegabytes, showRate } from "./figures.ts";
import { stateWords } from "./nodes.tsx";
import { edges, wayWords } from "./topology.ts";

export function SystemTable({ figures }: { figures: SystemFigures }) {
  const flows = edgeFigures(figures);
  return (
    <details className="system-table">
      <summary>The same as a table</summary>
      <div className="table-scroll">
        <table>
          <caption>Processes</caption>
          <thead>
            <tr>
              <th scope="col">process</th>
              <th scope="col">state</th>
              <th scope="col">CPU</th>
              <th scope="col">memory</th>
              <th scope="col">loop delay</th>
            </tr>
          </thead>
          <tbody>
            {processNames.map((name) => {
              const one = figures[name];
              const isKnown = one.instances.length > 0;
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{stateWords(one)}</td>
                  <td>{isKnown ? showCpu(one.cpu) : "–"}</td>
                  <td>{isKnown ? showMegabytes(one.rssBytes) : "–"}</td>
                  <td>{isKnown ? showDelay(one.loopDelayP99Ms) : "–"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        <table>
          <caption>Who talks to whom</caption>
          <thead>
            <tr>
              <th scope="col">from</th>
              <th scope="col">to</th>
              <th scope="col">way</th>
              <th scope="col">carries</th>
              <th scope="col">rate</th>
            </tr>
          </thead>
          <tbody>
            {edges.map((edge) => {
              const flow = flows[edge.id];
              return (
                <tr key={edge.id}>
                  <th scope="row">{edge.from}</th>
                  <td>{edge.to}</td>
                  <td>{wayWords[edge.way]}</td>
                  <td>{edge.carries}</td>
                  <td>{flow === undefined || flow.perS === null ? "not counted" : `${showRate(flow.perS)} ${flow.unit}/s`}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </details>
  );
}
