// The three processes of database ds (rpc, general_worker, webapi) inside a test's own process, on
// free ports, with a fresh database.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import type { ProcessName } from "../src/contracts/processes.ts";
import type { SettingName } from "../src/contracts/settings.ts";
import * as generalWorker from "../src/nodes/general_worker/main.ts";
import * as rpc from "../src/nodes/rpc/main.ts";
import * as webapi from "../src/nodes/webapi/main.ts";
import { readConfig } from "../src/platform/config.ts";
import { openPostgres, type Sql } from "../src/platform/postgres.ts";
import { sha256 } from "../src/platform/sha256.ts";
import { createTestDatabase, type TestDatabase, testRedis } from "./engines.ts";
import { type NodeHttp, openNodeHttp } from "./node_http.ts";

export interface CreditNodes {
  database: TestDatabase;
  redis: { url: string; namespace: string };
  /** As the owner of ds: to look, and to prepare what no process may. */
  owner: Sql;
  /** A key of the whole installation. */
  adminKey: string;
  internalToken: string;
  rpcAddress: string;
  webapiUrl: string;
  /** What the processes logged, a JSON object a line. */
  logLines: readonly string[];
  /** Asks webapi; `key` null sends none. */
  http: NodeHttp;
  /** A workspace with this credit, and a key of it with scopes send and read. */
  makeWorkspace(credits?: string): Promise<{ id: string; key: string }>;
  stopRpc(): Promise<void>;
  startRpc(): Promise<void>;
  stopWebapi(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCreditNodes(
  options: {
    settings?: Partial<Record<SettingName, string>>;
    processes?: readonly ProcessName[];
    /** Changes the address of webapi's database, as a proxy needs it. */
    webapiDatabaseUrl?: (url: string) => string;
  } = {},
): Promise<CreditNodes> {
  const processes = options.processes ?? ["rpc", "general_worker", "webapi"];
  const [database, redis] = await Promise.all([createTestDatabase("ds"), testRedis()]);
  const owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 4 });
  const adminKey = `bk_test_${sha256(database.ownerUrl).toString("base64url")}`;
  await owner`insert into api_key (name, secret_sha256, scopes) values ('test', ${sha256(adminKey)}, ${["admin"]})`;
  const internalToken = "internal-token-of-a-test";
  const environment: Record<string, string> = {
    BULKSMS_RPC_PORT: "0",
    BULKSMS_RPC_MANAGEMENT_PORT: "0",
    BULKSMS_GENERAL_WORKER_MANAGEMENT_PORT: "0",
    BULKSMS_WEBAPI_PORT: "0",
    BULKSMS_RPC_DATABASE_URL: database.urls.rpc as string,
    BULKSMS_GENERAL_WORKER_DATABASE_URL: database.urls.general_worker as string,
    BULKSMS_WEBAPI_DATABASE_URL: (options.webapiDatabaseUrl ?? String)(database.urls.webapi as string),
    BULKSMS_REDIS_URL: redis.url,
    BULKSMS_REDIS_NAMESPACE: redis.namespace,
    BULKSMS_INTERNAL_TOKEN: internalToken,
    ...options.settings,
  };
  const logLines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void logLines.push(line) });
  const createRpc = () => {
    const settings = readConfig(environment, rpc.config);
    return rpc.create(settings, log);
  };
  let rpcNode = createRpc();
  await rpcNode.start();
  const rpcPort = String(rpcNode.ports().grpc);
  environment.BULKSMS_RPC_PORT = rpcPort;
  environment.BULKSMS_RPC_ADDRESS = `127.0.0.1:${rpcPort}`;
  let isRpcUp = true;
  const workerSettings = readConfig(environment, generalWorker.config);
  const workerNode = generalWorker.create(workerSettings, log);
  if (processes.includes("general_worker")) await workerNode.start();
  const webapiSettings = readConfig(environment, webapi.config);
  const webapiNode = webapi.create(webapiSettings, log);
  if (processes.includes("webapi")) await webapiNode.start();
  let isWebapiUp = true;
  const webapiUrl = processes.includes("webapi") ? `http://127.0.0.1:${webapiNode.port()}` : "";

  const http = openNodeHttp(webapiUrl, adminKey);
  return {
    database,
    redis,
    owner,
    adminKey,
    internalToken,
    rpcAddress: environment.BULKSMS_RPC_ADDRESS,
    webapiUrl,
    logLines,
    http,
    async makeWorkspace(credits) {
      const { id } = await make(http, "/workspaces", { name: "Test" });
      if (credits !== undefined) await make(http, `/workspaces/${id}/credit`, { amount: credits });
      const { key } = await make(http, "/keys", { name: "test", scopes: ["send", "read"], workspace_id: id });
      return { id, key };
    },
    async stopRpc() {
      if (isRpcUp) await rpcNode.stop();
      isRpcUp = false;
    },
    async startRpc() {
      rpcNode = createRpc();
      await rpcNode.start();
      isRpcUp = true;
    },
    async stopWebapi() {
      if (isWebapiUp) await webapiNode.stop();
      isWebapiUp = false;
    },
    async stop() {
      await Promise.all([isRpcUp ? rpcNode.stop() : undefined, workerNode.stop(), isWebapiUp ? webapiNode.stop() : undefined]);
      await owner.end();
      await database.drop();
    },
  };
}

/**
 * On a busy machine the first try may miss webapi's own deadline: 503, and it is tried again. The
 * Idempotency-Key keeps one top-up from becoming two.
 */
async function make(http: NodeHttp, path: string, body: object) {
  const headers = { "idempotency-key": randomUUID() };
  for (let attempt = 1; ; attempt++) {
    const answer = await http("POST", path, { body, headers });
    if (answer.status === 201) return answer.body;
    if (answer.status !== 503 || attempt === 5) throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}
