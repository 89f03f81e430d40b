// salesapi and sales_worker inside a test's own process, beside rpc, general_worker and webapi,
// with fresh databases and a carrier that obeys the test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SettingName } from "../src/contracts/settings.ts";
import * as salesWorker from "../src/nodes/sales_worker/main.ts";
import * as salesapi from "../src/nodes/salesapi/main.ts";
import { readConfig } from "../src/platform/config.ts";
import { createLog } from "../src/platform/log.ts";
import type { Node } from "../src/platform/node.ts";
import { openPostgres, type Sql } from "../src/platform/postgres.ts";
import { makeSealKeys } from "../src/platform/seal_keys.ts";
import { uploadForm } from "./api_client.ts";
import { type CreditNodes, startCreditNodes } from "./credit_nodes.ts";
import { createTestDatabase, type TestDatabase } from "./engines.ts";
import { type HttpAnswer, type NodeHttp, openNodeHttp } from "./node_http.ts";
import { makeReceipt, sendReceipts, startTestCarrier, type TestCarrier } from "./test_carrier.ts";
import { waitFor } from "./wait_for.ts";

export interface SalesNodes {
  credit: CreditNodes;
  carrier: TestCarrier;
  database: TestDatabase;
  /** As the owner of salesdb: to look, and to leave half-done steps behind. */
  owner: Sql;
  salesapiUrl: string;
  environment: Record<string, string>;
  http: NodeHttp;
  /** Uploads a file of `contacts` numbers with their names. @returns the campaign's id. */
  create(key: string, contacts: number, fields?: Record<string, string>): Promise<string>;
  command(name: "run" | "pause" | "resume" | "cancel", key: string, bulksmsId: string): Promise<HttpAnswer>;
  /** One receipt for each of these rows, in one body. */
  receive(bulksmsId: string, rowNos: readonly number[], status: string): Promise<{ status: number; body: Record<string, unknown> }>;
  /** The campaign's row, once `isRight` says so. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever fields the row has
  campaign(bulksmsId: string, isRight?: (row: any) => boolean, limitMs?: number): Promise<any>;
  startWorker(settings?: Partial<Record<SettingName, string>>): Promise<TestWorker>;
  stop(): Promise<void>;
}

/** Another sales_worker beside the first. */
export interface TestWorker {
  /** Messages in bodies that the carrier answered to this worker. */
  submitted(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Short times, so that a test of a dead lease takes two seconds; long enough for a busy machine.
 */
const quickSettings: Partial<Record<SettingName, string>> = {
  BULKSMS_LEASE_MS: "2000",
  BULKSMS_SUBMIT_TIMEOUT_MS: "1000",
  BULKSMS_SWEEP_INTERVAL_MS: "100",
  BULKSMS_RECEIPT_HORIZON_S: "0",
  BULKSMS_CHUNK_ROWS: "10",
};

function makeKeysFile(): { file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-keys-"));
  const file = join(folder, "carrier_keys");
  makeSealKeys(file);
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function environmentOf(credit: CreditNodes, carrier: TestCarrier, database: TestDatabase): Record<string, string> {
  return {
    BULKSMS_SALESAPI_PORT: "0",
    BULKSMS_SALES_WORKER_MANAGEMENT_PORT: "0",
    BULKSMS_SALESAPI_DATABASE_URL: database.urls.salesapi as string,
    BULKSMS_SALES_WORKER_DATABASE_URL: database.urls.sales_worker as string,
    BULKSMS_REDIS_URL: credit.redis.url,
    BULKSMS_REDIS_NAMESPACE: credit.redis.namespace,
    BULKSMS_RPC_ADDRESS: credit.rpcAddress,
    BULKSMS_INTERNAL_TOKEN: credit.internalToken,
    BULKSMS_SIMULATOR_URL: carrier.url,
    BULKSMS_SIMULATOR_KEY: carrier.key,
    BULKSMS_RECEIPT_SECRETS: carrier.secret,
  };
}

export async function startSalesNodes(
  options: { settings?: Partial<Record<SettingName, string>>; isWithoutWorker?: boolean } = {},
): Promise<SalesNodes> {
  const [credit, carrier, database] = await Promise.all([startCreditNodes(), startTestCarrier(), createTestDatabase("salesdb")]);
  const keys = makeKeysFile();
  const owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 4 });
  const environment = {
    ...environmentOf(credit, carrier, database),
    BULKSMS_CARRIER_KEYS: keys.file,
    ...quickSettings,
    ...options.settings,
  };
  const log = createLog("test", { level: process.env.TEST_LOG ?? "error", format: "json" });
  const salesapiSettings = readConfig(environment, salesapi.config);
  const salesapiNode = salesapi.create(salesapiSettings, log);
  await salesapiNode.start();
  const salesapiUrl = `http://127.0.0.1:${salesapiNode.port()}`;
  const nodes: Node[] = [salesapiNode];
  const startWorker: SalesNodes["startWorker"] = async (settings = {}) => {
    const workerSettings = readConfig({ ...environment, ...settings }, salesWorker.config);
    const node = salesWorker.create(workerSettings, log);
    await node.start();
    nodes.push(node);
    return {
      async submitted() {
        const metrics = await (await fetch(`http://127.0.0.1:${node.ports().management}/metrics`)).text();
        return Number(/^bulksms_messages_submitted_total\S* (\d+)/m.exec(metrics)?.[1] ?? 0);
      },
      async stop() {
        if (nodes.includes(node)) await nodes.splice(nodes.indexOf(node), 1)[0]?.stop();
      },
    };
  };
  if (options.isWithoutWorker !== true) await startWorker();

  const http = openNodeHttp(salesapiUrl, null);
  return {
    credit,
    carrier,
    database,
    owner,
    salesapiUrl,
    environment,
    http,
    async create(key, contacts, fields = {}) {
      const lines = Array.from({ length: contacts }, (_, index) => `Student ${index + 1},+35840${String(1_000_000 + index)}`);
      const form = uploadForm(`name,phone\n${lines.join("\n")}\n`, { text: "Hello", sender: "Test", ...fields }, "students.csv");
      const created = await http("POST", "/create", { key, body: form });
      if (created.status !== 201) throw new Error(`create answered ${created.status}: ${JSON.stringify(created.body)}`);
      return created.body.id;
    },
    command: (name, key, bulksmsId) => http("POST", `/${name}`, { key, body: { bulksms_id: bulksmsId } }),
    receive: (bulksmsId, rowNos, status) =>
      sendReceipts(salesapiUrl, { receipts: rowNos.map((rowNo) => makeReceipt(bulksmsId, rowNo, status)) }, { secret: carrier.secret }),
    campaign: (bulksmsId, isRight = () => true, limitMs = 15_000) =>
      waitFor(
        `campaign ${bulksmsId}`,
        async () => {
          const [row] = await owner`select * from bulksms where id = ${bulksmsId}`;
          if (!isRight(row)) throw new Error(JSON.stringify(row, (_, value) => (typeof value === "bigint" ? String(value) : value)));
          return row;
        },
        limitMs,
      ),
    startWorker,
    async stop() {
      await Promise.all(nodes.splice(0).map((node) => node.stop()));
      await carrier.stop();
      await owner.end();
      await database.drop();
      await credit.stop();
      keys.remove();
    },
  };
}
