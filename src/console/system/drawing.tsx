// The real system as a drawing: nodes with their figures, edges with their rates, dots that move as
// traffic does. It shows its props; it knows no socket.
import type { KeyboardEvent, ReactNode } from "react";
import { databaseNames, processNames } from "../../contracts/processes.ts";
import { type EdgeFigure, edgeFigures, queueDepths, type SystemFigures, showRate } from "./figures.ts";
import { MovingDots } from "./moving_dots.tsx";
import { DatabaseNode, PeopleNode, PhonesNode, ProcessNode, RedisNode, SimulatorNode } from "./nodes.tsx";
import { type Edge, edges, type Layout, type NodeId, tallLayout, type Way, wayWords, wideLayout } from "./topology.ts";

/** The current selection: a node, or one edge (by its id) where edges can be selected. */
export type Selection = { node: NodeId } | { edge: string };

/** What only a lab knows: what was frozen or kept down by hand, which links are broken and how. */
export interface LabMarks {
  nodes: Readonly<Partial<Record<NodeId, string>>>;
  links: Readonly<Record<string, string>>;
}

export interface DrawingProps {
  figures: SystemFigures;
  /** Redis itself delivers nothing: no update of any topic for this long; null while it does. */
  redisSilentMs: number | null;
  isTall: boolean;
  /** Dots; false for users who prefer reduced motion. */
  isMoving: boolean;
  selection: Selection | null;
  onSelect: (selection: Selection) => void;
  /** null: no lab, and an edge cannot be selected. */
  marks: LabMarks | null;
}

export function Drawing(props: DrawingProps) {
  const { figures, isTall, isMoving, marks, selection } = props;
  const layout = isTall ? tallLayout : wideLayout;
  const flows = edgeFigures(figures);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a drawing is no <fieldset>
    <svg
      className={isTall ? "drawing drawing-tall" : "drawing"}
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      role="group"
      aria-label="The system: six processes, two databases, Redis, and how they talk. The table below has the same figures."
    >
      <Arrowheads />
      {edges.map((edge) => (
        <EdgeLine
          key={edge.id}
          edge={edge}
          layout={layout}
          fault={faultOf(edge, marks)}
          isChosen={selection !== null && "edge" in selection && selection.edge === edge.id}
          onSelect={marks !== null && edge.links.length > 0 ? props.onSelect : null}
        />
      ))}
      {isMoving && <MovingDots flows={flows} layout={layout} />}
      {edges.map((edge) => (
        <EdgeLabel key={edge.id} edge={edge} layout={layout} figure={flows[edge.id]} fault={faultOf(edge, marks)} />
      ))}
      <RpcLabel layout={layout} figure={flows.rpc_calls} />
      <Nodes {...props} layout={layout} />
    </svg>
  );
}

function Nodes({ layout, figures, redisSilentMs, selection, onSelect, marks }: DrawingProps & { layout: Layout }) {
  const place = (id: NodeId, description: string, content: ReactNode) => (
    <Selectable
      key={id}
      description={description}
      isChosen={selection !== null && "node" in selection && selection.node === id}
      onSelect={() => onSelect({ node: id })}
    >
      {content}
    </Selectable>
  );
  const mark = (id: NodeId) => marks?.nodes[id] ?? null;
  return (
    <>
      <PeopleNode box={layout.nodes.people} />
      <PhonesNode box={layout.nodes.phones} />
      {place(
        "redis",
        "Redis: queues and topics",
        <RedisNode box={layout.nodes.redis} depths={queueDepths(figures)} silentMs={redisSilentMs} mark={mark("redis")} />,
      )}
      {databaseNames.map((name) =>
        place(name, `database ${name}`, <DatabaseNode box={layout.nodes[name]} name={name} mark={mark(name)} />),
      )}
      {processNames.map((name) =>
        place(
          name,
          `${name}, ${figures[name].state === "mute" ? "the simulated network" : figures[name].state}`,
          name === "simulator" ? (
            <SimulatorNode box={layout.nodes.simulator} mark={mark("simulator")} />
          ) : (
            <ProcessNode box={layout.nodes[name]} figures={figures[name]} mark={mark(name)} />
          ),
        ),
      )}
    </>
  );
}

interface SelectableProps {
  description: string;
  isChosen: boolean;
  onSelect: () => void;
  children: ReactNode;
}

function Selectable({ description, isChosen, onSelect, children }: SelectableProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onSelect();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a part of an SVG cannot be a <button>
    <g
      className={isChosen ? "part part-chosen" : "part"}
      role="button"
      tabIndex={0}
      aria-pressed={isChosen}
      aria-label={description}
      onClick={onSelect}
      onKeyDown={onKeyDown}
    >
      {children}
    </g>
  );
}

interface EdgeLineProps {
  edge: Edge;
  layout: Layout;
  fault: string | null;
  isChosen: boolean;
  /** null: it cannot be selected. */
  onSelect: ((selection: Selection) => void) | null;
}

function EdgeLine({ edge, layout, fault, isChosen, onSelect }: EdgeLineProps) {
  const path = layout.edges[edge.id]?.path;
  if (path === undefined) return null;
  const line = (
    <path
      className={`edge edge-${edge.way}${fault === null ? "" : " edge-broken"}`}
      d={path}
      markerEnd={edge.way === "sql" ? undefined : `url(#arrow-${edge.way})`}
    />
  );
  if (onSelect === null) return line;
  const description = `${edge.from} to ${edge.to}, ${wayWords[edge.way]}${fault === null ? "" : `, ${fault}`}`;
  return (
    <Selectable description={description} isChosen={isChosen} onSelect={() => onSelect({ edge: edge.id })}>
      <path className="edge-reach" d={path} />
      {line}
    </Selectable>
  );
}

/** A rate beside its edge, or the fault of the edge. */
function EdgeLabel({ edge, layout, figure, fault }: { edge: Edge; layout: Layout; figure: EdgeFigure | undefined; fault: string | null }) {
  const label = layout.edges[edge.id]?.label;
  if (label === undefined) return null;
  const perS = figure?.perS ?? null;
  if (fault === null && perS === null) return null;
  return (
    <text className={fault === null ? "edge-label" : "edge-label edge-label-broken"} x={label.x} y={label.y} textAnchor={label.anchor}>
      {fault === null ? `${showRate(perS ?? 0)}/s` : `✕ ${fault}`}
    </text>
  );
}

function RpcLabel({ layout, figure }: { layout: Layout; figure: EdgeFigure | undefined }) {
  if (figure?.perS === null || figure?.perS === undefined) return null;
  return (
    <text className="edge-label" x={layout.rpcLabel.x} y={layout.rpcLabel.y} textAnchor="middle">
      {`${showRate(figure.perS)}/s`}
    </text>
  );
}

function faultOf(edge: Edge, marks: LabMarks | null): string | null {
  for (const link of edge.links) {
    const fault = marks?.links[link];
    if (fault !== undefined) return fault;
  }
  return null;
}

const arrowWays: readonly Way[] = ["http", "grpc", "jobs", "topics"];

function Arrowheads() {
  return (
    <defs>
      {arrowWays.map((way) => (
        <marker
          key={way}
          id={`arrow-${way}`}
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path className={`arrow arrow-${way}`} d="M1 1 L7 4 L1 7" />
        </marker>
      ))}
    </defs>
  );
}
