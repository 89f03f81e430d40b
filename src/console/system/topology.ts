// Where everything is in the drawing of the system, laid out by hand twice: wide, and tall for a
// narrow screen. Read only by drawing.tsx.
import type { DatabaseName, ProcessName } from "../../contracts/processes.ts";

/** How one talks to another; `sql` only shows which process owns which database. */
export type Way = "http" | "grpc" | "jobs" | "topics" | "sql";

export const wayWords: Readonly<Record<Way, string>> = {
  http: "HTTP",
  grpc: "gRPC",
  jobs: "job queue",
  topics: "live updates",
  sql: "owns",
};

export type NodeId = "people" | ProcessName | "redis" | DatabaseName | "phones";

/** Ends of an edge; the two queues and the topics are inside Redis. */
export interface Edge {
  /** The key of its figure in figures.ts, where something counts it. */
  id: string;
  from: NodeId;
  to: NodeId;
  way: Way;
  /** What it carries, for readers of the table. */
  carries: string;
  /** `from-to` of the lab's links that it represents. */
  links: readonly string[];
}

/** In the order of a message's life. */
export const edges: readonly Edge[] = [
  { id: "people_webapi", from: "people", to: "webapi", way: "http", carries: "credit, keys, the console", links: [] },
  { id: "people_salesapi", from: "people", to: "salesapi", way: "http", carries: "campaigns and commands", links: [] },
  { id: "webapi_people", from: "webapi", to: "people", way: "topics", carries: "live updates by WebSocket", links: [] },
  {
    id: "webapi_salesapi",
    from: "webapi",
    to: "salesapi",
    way: "http",
    carries: "reads and commands of campaigns",
    links: ["webapi-salesapi"],
  },
  { id: "webapi_rpc", from: "webapi", to: "rpc", way: "grpc", carries: "credit, keys", links: ["webapi-rpc"] },
  { id: "salesapi_rpc", from: "salesapi", to: "rpc", way: "grpc", carries: "reserve, keys", links: ["salesapi-rpc"] },
  { id: "sales_worker_rpc", from: "sales_worker", to: "rpc", way: "grpc", carries: "reserve, release", links: ["sales_worker-rpc"] },
  { id: "salesapi_sales", from: "salesapi", to: "redis", way: "jobs", carries: "run, relay: queue sales", links: ["salesapi-redis"] },
  { id: "sales_sales_worker", from: "redis", to: "sales_worker", way: "jobs", carries: "queue sales", links: ["sales_worker-redis"] },
  {
    id: "sales_worker_simulator",
    from: "sales_worker",
    to: "simulator",
    way: "http",
    carries: "messages",
    links: ["sales_worker-simulator"],
  },
  { id: "simulator_phones", from: "simulator", to: "phones", way: "http", carries: "texts, by radio", links: [] },
  { id: "salesapi_simulator", from: "simulator", to: "salesapi", way: "http", carries: "signed receipts", links: ["simulator-salesapi"] },
  {
    id: "sales_worker_general",
    from: "sales_worker",
    to: "redis",
    way: "jobs",
    carries: "settle_credit: queue general",
    links: ["sales_worker-redis"],
  },
  {
    id: "general_general_worker",
    from: "redis",
    to: "general_worker",
    way: "jobs",
    carries: "queue general",
    links: ["general_worker-redis"],
  },
  {
    id: "general_worker_sales",
    from: "general_worker",
    to: "redis",
    way: "jobs",
    carries: "credit_settled: queue sales",
    links: ["general_worker-redis"],
  },
  { id: "rpc_topics", from: "rpc", to: "redis", way: "topics", carries: "workspace_credit", links: ["rpc-redis"] },
  { id: "topics_webapi", from: "redis", to: "webapi", way: "topics", carries: "every topic", links: ["webapi-redis"] },
  { id: "webapi_ds", from: "webapi", to: "ds", way: "sql", carries: "workspaces, keys", links: ["webapi-ds"] },
  { id: "rpc_ds", from: "rpc", to: "ds", way: "sql", carries: "holds", links: ["rpc-ds"] },
  { id: "general_worker_ds", from: "general_worker", to: "ds", way: "sql", carries: "ledger", links: ["general_worker-ds"] },
  { id: "salesapi_salesdb", from: "salesapi", to: "salesdb", way: "sql", carries: "imports, receipts", links: ["salesapi-salesdb"] },
  { id: "sales_worker_salesdb", from: "sales_worker", to: "salesdb", way: "sql", carries: "messages", links: ["sales_worker-salesdb"] },
];

export interface Box {
  /** Of the centre. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface EdgeLine {
  path: string;
  /** Where its rate is shown; none: no room, the table has it. */
  label?: { x: number; y: number; anchor: "start" | "middle" | "end" };
}

export interface Layout {
  width: number;
  height: number;
  nodes: Readonly<Record<NodeId, Box>>;
  edges: Readonly<Record<string, EdgeLine>>;
  /** The rate of the three gRPC edges together, which rpc counts as one. */
  rpcLabel: { x: number; y: number };
}

const process = { width: 172, height: 88 };
const store = { width: 150, height: 62 };

export const wideLayout: Layout = {
  width: 1_200,
  height: 640,
  nodes: {
    people: { x: 66, y: 130, width: 92, height: 88 },
    webapi: { x: 326, y: 130, ...process },
    salesapi: { x: 760, y: 130, ...process },
    rpc: { x: 543, y: 236, ...process },
    redis: { x: 543, y: 420, width: 190, height: 172 },
    general_worker: { x: 292, y: 446, ...process },
    sales_worker: { x: 794, y: 446, ...process },
    ds: { x: 292, y: 590, ...store },
    salesdb: { x: 794, y: 590, ...store },
    simulator: { x: 1_060, y: 290, width: 150, height: 88 },
    phones: { x: 1_060, y: 90, width: 92, height: 76 },
  },
  edges: {
    people_webapi: { path: "M112 116 H240", label: { x: 176, y: 107, anchor: "middle" } },
    webapi_people: { path: "M240 146 H112", label: { x: 176, y: 166, anchor: "middle" } },
    people_salesapi: { path: "M66 86 V54 Q66 36 84 36 H742 Q760 36 760 54 V86", label: { x: 543, y: 27, anchor: "middle" } },
    webapi_salesapi: { path: "M412 116 H674" },
    webapi_rpc: { path: "M412 150 H463 Q481 150 481 168 V192" },
    salesapi_rpc: { path: "M674 150 H623 Q605 150 605 168 V192" },
    sales_worker_rpc: { path: "M760 402 V254 Q760 236 742 236 H629" },
    salesapi_sales: { path: "M706 174 V446 Q706 464 688 464 H638" },
    sales_sales_worker: { path: "M638 480 H708", label: { x: 673, y: 500, anchor: "middle" } },
    sales_worker_general: { path: "M708 424 H638", label: { x: 672, y: 415, anchor: "middle" } },
    general_general_worker: { path: "M448 424 H378", label: { x: 413, y: 415, anchor: "middle" } },
    general_worker_sales: { path: "M378 480 H448" },
    rpc_topics: { path: "M543 280 V334" },
    topics_webapi: { path: "M448 366 H350 Q332 366 332 348 V174", label: { x: 342, y: 300, anchor: "start" } },
    sales_worker_simulator: { path: "M880 446 H1042 Q1060 446 1060 428 V334", label: { x: 970, y: 437, anchor: "middle" } },
    salesapi_simulator: { path: "M985 290 H940 Q922 290 922 272 V148 Q922 130 904 130 H846", label: { x: 912, y: 216, anchor: "end" } },
    simulator_phones: { path: "M1060 246 V128" },
    webapi_ds: { path: "M258 174 V340 Q258 358 240 358 H204 Q186 358 186 376 V572 Q186 590 204 590 H217" },
    rpc_ds: { path: "M500 280 V296 Q500 314 482 314 H428 Q410 314 410 332 V572 Q410 590 392 590 H367" },
    general_worker_ds: { path: "M292 490 V559" },
    salesapi_salesdb: { path: "M818 174 V348 Q818 366 836 366 H896 Q914 366 914 384 V572 Q914 590 896 590 H869" },
    sales_worker_salesdb: { path: "M794 490 V559" },
  },
  rpcLabel: { x: 543, y: 182 },
};

const tallProcess = { width: 156, height: 92 };
const tallStore = { width: 120, height: 56 };

export const tallLayout: Layout = {
  width: 360,
  height: 1_000,
  nodes: {
    people: { x: 180, y: 40, width: 100, height: 64 },
    webapi: { x: 92, y: 176, ...tallProcess },
    salesapi: { x: 258, y: 176, ...tallProcess },
    rpc: { x: 173, y: 322, ...tallProcess },
    redis: { x: 173, y: 494, width: 190, height: 150 },
    general_worker: { x: 92, y: 662, ...tallProcess },
    sales_worker: { x: 258, y: 662, ...tallProcess },
    ds: { x: 92, y: 792, ...tallStore },
    salesdb: { x: 258, y: 792, ...tallStore },
    simulator: { x: 258, y: 926, width: 156, height: 84 },
    phones: { x: 92, y: 926, width: 92, height: 72 },
  },
  edges: {
    people_webapi: { path: "M130 34 H94 Q76 34 76 52 V130", label: { x: 70, y: 92, anchor: "end" } },
    webapi_people: { path: "M112 130 V72 Q112 58 126 58 H130", label: { x: 120, y: 112, anchor: "start" } },
    people_salesapi: { path: "M230 40 H240 Q258 40 258 58 V130", label: { x: 266, y: 92, anchor: "start" } },
    webapi_salesapi: { path: "M170 176 H180" },
    webapi_rpc: { path: "M140 222 V276" },
    salesapi_rpc: { path: "M212 222 V276" },
    sales_worker_rpc: { path: "M314 616 V340 Q314 322 296 322 H251" },
    salesapi_sales: { path: "M292 222 V522 Q292 540 274 540 H268" },
    sales_sales_worker: { path: "M244 569 V616", label: { x: 250, y: 600, anchor: "start" } },
    sales_worker_general: { path: "M216 616 V569" },
    general_general_worker: { path: "M100 569 V616", label: { x: 94, y: 600, anchor: "end" } },
    general_worker_sales: { path: "M130 616 V569" },
    rpc_topics: { path: "M173 368 V419" },
    topics_webapi: { path: "M78 446 H72 Q54 446 54 428 V222", label: { x: 60, y: 404, anchor: "start" } },
    sales_worker_simulator: { path: "M336 662 Q345 662 345 671 V917 Q345 926 336 926", label: { x: 336, y: 866, anchor: "end" } },
    salesapi_simulator: { path: "M336 944 H346 Q354 944 354 936 V184 Q354 176 346 176 H336", label: { x: 349, y: 268, anchor: "end" } },
    simulator_phones: { path: "M180 926 H138" },
    webapi_ds: { path: "M14 196 H10 Q5 196 5 201 V784 Q5 792 13 792 H32" },
    rpc_ds: { path: "M95 336 H42 Q24 336 24 354 V764 Q24 780 32 784" },
    general_worker_ds: { path: "M92 708 V764" },
    salesapi_salesdb: { path: "M326 222 V776 Q326 786 318 786" },
    sales_worker_salesdb: { path: "M258 708 V764" },
  },
  rpcLabel: { x: 173, y: 262 },
};
