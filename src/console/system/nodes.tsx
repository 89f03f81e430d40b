// The nodes of the drawing, each with its own small shape: a process is a card, a database a drum,
// Redis a box with lanes. Used by drawing.tsx.
import type { DatabaseName } from "../../contracts/processes.ts";
import { type ProcessFigures, showCpu, showDelay, showMegabytes, showSilence } from "./figures.ts";
import type { Box } from "./topology.ts";

interface Placed {
  box: Box;
}

/** The lab's action on it (`frozen`, `held down`), or null. */
interface Marked extends Placed {
  mark: string | null;
}

export function ProcessNode({ box, figures, mark }: Marked & { figures: ProcessFigures }) {
  const left = box.x - box.width / 2 + 14;
  const right = box.x + box.width / 2 - 14;
  const top = box.y - box.height / 2;
  const isAlive = figures.state === "alive";
  return (
    <g className={`node node-${figures.state}`}>
      <Card box={box} />
      <StateDot x={left + 4} y={top + 20} isFull={isAlive} />
      <text className="node-name" x={left + 16} y={top + 25}>
        {figures.name}
      </text>
      {figures.instances.length > 1 && (
        <text className="node-count" x={right} y={top + 25} textAnchor="end">
          ×{figures.instances.length}
        </text>
      )}
      {isAlive ? (
        <>
          <CpuBar x={left} y={top + 36} width={right - left} cpu={figures.cpu} />
          <Figure x={left} y={top + 58} label="cpu" value={showCpu(figures.cpu)} />
          <text className="node-figure" x={right} y={top + 58} textAnchor="end">
            {showMegabytes(figures.rssBytes)}
          </text>
          <Figure x={left} y={top + 77} label="loop delay" value={showDelay(figures.loopDelayP99Ms)} />
        </>
      ) : (
        <text className="node-description" x={left} y={top + 56}>
          {stateWords(figures)}
        </text>
      )}
      <Mark box={box} mark={mark} />
    </g>
  );
}

/** Everything in words too: shape and colour alone are not enough. */
export function stateWords({ state, silentMs }: Pick<ProcessFigures, "state" | "silentMs">): string {
  if (state === "alive") return "alive";
  if (state === "stale") return "unknown now";
  if (state === "silent" && silentMs !== null) return `silent for ${showSilence(silentMs)}`;
  return state === "mute" ? "does not report" : "not heard of yet";
}

function Card({ box }: Placed) {
  return <rect className="node-body" x={box.x - box.width / 2} y={box.y - box.height / 2} width={box.width} height={box.height} rx={10} />;
}

function StateDot({ x, y, isFull }: { x: number; y: number; isFull: boolean }) {
  return <circle className={isFull ? "state-dot" : "state-dot state-dot-hollow"} cx={x} cy={y} r={4.5} />;
}

/** One core fills the bar; beyond that the figure shows how much. */
function CpuBar({ x, y, width, cpu }: { x: number; y: number; width: number; cpu: number }) {
  return (
    <>
      <rect className="cpu-bar" x={x} y={y} width={width} height={3} rx={1.5} />
      <rect className="cpu-bar-used" x={x} y={y} width={Math.max(1.5, width * Math.min(1, cpu))} height={3} rx={1.5} />
    </>
  );
}

function Figure({ x, y, label, value }: { x: number; y: number; label: string; value: string }) {
  return (
    <text className="node-figure" x={x} y={y}>
      <tspan className="node-label">{label} </tspan>
      {value}
    </text>
  );
}

function Mark({ box, mark }: Marked) {
  if (mark === null) return null;
  const y = box.y - box.height / 2;
  return (
    <g className="lab-mark">
      <rect x={box.x + box.width / 2 - 92} y={y - 11} width={84} height={22} rx={11} />
      <text x={box.x + box.width / 2 - 50} y={y + 5} textAnchor="middle">
        {mark}
      </text>
    </g>
  );
}

interface RedisNodeProps extends Marked {
  depths: { general: number | null; sales: number | null };
  silentMs: number | null;
}

export function RedisNode({ box, depths, silentMs, mark }: RedisNodeProps) {
  const left = box.x - box.width / 2;
  const top = box.y - box.height / 2;
  const laneHeight = 34;
  const lanes = [
    { name: "topics", at: top + 34, description: silentMs === null ? "live" : `silent ${showSilence(silentMs)}` },
    { name: "queue general", at: top + 34 + (box.height - 44) / 3, description: waiting(depths.general) },
    { name: "queue sales", at: top + 34 + ((box.height - 44) * 2) / 3, description: waiting(depths.sales) },
  ];
  return (
    <g className={silentMs === null ? "node node-alive" : "node node-silent"}>
      <rect className="node-body" x={left} y={top} width={box.width} height={box.height} rx={16} />
      <StateDot x={left + 18} y={top + 19} isFull={silentMs === null} />
      <text className="node-name" x={left + 30} y={top + 24}>
        Redis
      </text>
      {lanes.map((lane) => (
        <g key={lane.name}>
          <rect className="lane" x={left + 10} y={lane.at} width={box.width - 20} height={laneHeight} rx={laneHeight / 2} />
          <text className="lane-name" x={left + 24} y={lane.at + 22}>
            {lane.name}
          </text>
          <text className="lane-depth" x={left + box.width - 24} y={lane.at + 22} textAnchor="end">
            {lane.description}
          </text>
        </g>
      ))}
      <Mark box={box} mark={mark} />
    </g>
  );
}

const waiting = (depth: number | null): string => (depth === null ? "–" : depth.toLocaleString("en-GB"));

export function DatabaseNode({ box, name, mark }: Marked & { name: DatabaseName }) {
  const left = box.x - box.width / 2;
  const top = box.y - box.height / 2;
  const rim = 9;
  const side = `M${left} ${top + rim} v${box.height - 2 * rim} a${box.width / 2} ${rim} 0 0 0 ${box.width} 0 v${-(box.height - 2 * rim)}`;
  return (
    <g className="node node-store">
      <path className="node-body" d={`${side} a${box.width / 2} ${rim} 0 0 0 ${-box.width} 0 z`} />
      <ellipse className="node-body" cx={box.x} cy={top + rim} rx={box.width / 2} ry={rim} />
      <text className="node-name" x={box.x} y={box.y + 14} textAnchor="middle">
        {name}
      </text>
      <Mark box={box} mark={mark} />
    </g>
  );
}

/** To us it is another company's network: we count only what we send and what we receive. */
export function SimulatorNode({ box, mark }: Marked) {
  const top = box.y - box.height / 2;
  return (
    <g className="node node-mute">
      <Card box={box} />
      <Waves x={box.x + box.width / 2 - 28} y={top + 24} />
      <text className="node-name" x={box.x - box.width / 2 + 14} y={top + 25}>
        carrier
      </text>
      <text className="node-description" x={box.x - box.width / 2 + 14} y={top + 50}>
        simulated network,
      </text>
      <text className="node-description" x={box.x - box.width / 2 + 14} y={top + 68}>
        its own journal
      </text>
      <Mark box={box} mark={mark} />
    </g>
  );
}

function Waves({ x, y }: { x: number; y: number }) {
  return (
    <g className="node-mark">
      <circle cx={x} cy={y} r={2} />
      <path
        d={`M${x - 6} ${y - 6} a8.5 8.5 0 0 0 0 12 M${x + 6} ${y - 6} a8.5 8.5 0 0 1 0 12 M${x - 10} ${y - 10} a14 14 0 0 0 0 20 M${x + 10} ${y - 10} a14 14 0 0 1 0 20`}
      />
    </g>
  );
}

export function PeopleNode({ box }: Placed) {
  const y = box.y - 12;
  return (
    <g className="node node-outside">
      <g className="node-mark">
        {[-20, 20, 0].map((shift) => (
          <path
            key={shift}
            d={`M${box.x + shift - 5} ${y - 6} a5 5 0 1 0 10 0 a5 5 0 1 0 -10 0 M${box.x + shift - 10} ${y + 14} v-3 a10 10 0 0 1 20 0 v3`}
          />
        ))}
      </g>
      <text className="node-name" x={box.x} y={box.y + 24} textAnchor="middle">
        people
      </text>
    </g>
  );
}

export function PhonesNode({ box }: Placed) {
  const top = box.y - box.height / 2;
  return (
    <g className="node node-outside">
      <g className="node-mark">
        {[-22, 0, 22].map((shift) => (
          <path
            key={shift}
            d={`M${box.x + shift - 8} ${top + 7} a3 3 0 0 1 3 -3 h10 a3 3 0 0 1 3 3 v24 a3 3 0 0 1 -3 3 h-10 a3 3 0 0 1 -3 -3 z M${box.x + shift - 2} ${top + 30} h4`}
          />
        ))}
      </g>
      <text className="node-name" x={box.x} y={top + 56} textAnchor="middle">
        phones
      </text>
    </g>
  );
}
