// The process table: the only list of the six processes, their endpoints, databases and neighbours.
// Read by the supervisor, the compose file's test, lab, the command line and the console.
import type { SettingName } from "./settings.ts";

export const processNames = ["rpc", "webapi", "salesapi", "general_worker", "sales_worker", "simulator"] as const;
export type ProcessName = (typeof processNames)[number];

export const databaseNames = ["ds", "salesdb"] as const;
export type DatabaseName = (typeof databaseNames)[number];

/** Default ports of the embedded engines; the same as in the original. */
export const engineEndpoints = {
  ds: { defaultPort: 5432, urlSetting: "BULKSMS_DS_OWNER_URL" },
  salesdb: { defaultPort: 5433, urlSetting: "BULKSMS_SALESDB_OWNER_URL" },
  redis: { defaultPort: 6379, urlSetting: "BULKSMS_REDIS_URL" },
} as const satisfies Record<DatabaseName | "redis", { defaultPort: number; urlSetting: SettingName }>;

/**
 * Login roles of each database: one per process, and `check` for the read-only audit. The role is
 * the user of the process's URL.
 */
export const databaseRoles = {
  ds: {
    webapi: "BULKSMS_WEBAPI_DATABASE_URL",
    rpc: "BULKSMS_RPC_DATABASE_URL",
    general_worker: "BULKSMS_GENERAL_WORKER_DATABASE_URL",
    check: "BULKSMS_CHECK_DS_URL",
  },
  salesdb: {
    salesapi: "BULKSMS_SALESAPI_DATABASE_URL",
    sales_worker: "BULKSMS_SALES_WORKER_DATABASE_URL",
    check: "BULKSMS_CHECK_SALESDB_URL",
  },
} as const satisfies Record<DatabaseName, Record<string, SettingName>>;

export interface ProcessEntry {
  /** Words after `bulksms` that start it. */
  command: readonly [ProcessName, "serve" | "start"];
  description: string;
  /** Its listener: what others call. Workers have none, only a management port. */
  listener: { protocol: "http" | "grpc"; defaultPort: number; portSetting: SettingName } | null;
  /** HTTP port of /health, /ready and /metrics if the listener does not serve them itself. */
  management: { defaultPort: number; portSetting: SettingName } | null;
  database: DatabaseName | null;
  usesRedis: boolean;
  /** Processes that it calls; each may be down at its start. */
  calls: readonly ProcessName[];
  /** Several may run side by side. */
  scalesOut: boolean;
}

export const processes: Record<ProcessName, ProcessEntry> = {
  rpc: {
    command: ["rpc", "serve"],
    description: "credit over gRPC",
    listener: { protocol: "grpc", defaultPort: 8003, portSetting: "BULKSMS_RPC_PORT" },
    management: { defaultPort: 8013, portSetting: "BULKSMS_RPC_MANAGEMENT_PORT" },
    database: "ds",
    usesRedis: true,
    calls: [],
    scalesOut: true,
  },
  webapi: {
    command: ["webapi", "serve"],
    description: "workspaces, credit, keys, WebSocket",
    listener: { protocol: "http", defaultPort: 8000, portSetting: "BULKSMS_WEBAPI_PORT" },
    management: null,
    database: "ds",
    usesRedis: true,
    calls: ["rpc", "salesapi"],
    scalesOut: true,
  },
  salesapi: {
    command: ["salesapi", "serve"],
    description: "campaigns, receipts",
    listener: { protocol: "http", defaultPort: 8002, portSetting: "BULKSMS_SALESAPI_PORT" },
    management: null,
    database: "salesdb",
    usesRedis: true,
    calls: ["rpc"],
    scalesOut: true,
  },
  general_worker: {
    command: ["general_worker", "start"],
    description: "settles credit",
    listener: null,
    management: { defaultPort: 8011, portSetting: "BULKSMS_GENERAL_WORKER_MANAGEMENT_PORT" },
    database: "ds",
    usesRedis: true,
    calls: [],
    scalesOut: true,
  },
  sales_worker: {
    command: ["sales_worker", "start"],
    description: "dispatches, relays, sweeps",
    listener: null,
    management: { defaultPort: 8012, portSetting: "BULKSMS_SALES_WORKER_MANAGEMENT_PORT" },
    database: "salesdb",
    usesRedis: true,
    calls: ["rpc", "simulator"],
    scalesOut: true,
  },
  simulator: {
    command: ["simulator", "serve"],
    description: "simulated mobile network",
    listener: { protocol: "http", defaultPort: 8004, portSetting: "BULKSMS_SIMULATOR_PORT" },
    management: null,
    database: null,
    usesRedis: false,
    calls: ["salesapi"],
    scalesOut: false,
  },
};
