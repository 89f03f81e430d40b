// A simulator as its own process runs it, within this one: HTTP, the endpoints of other dialects,
// a folder of its own.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { config, create, type SimulatorNode } from "../src/nodes/simulator/main.ts";
import { readConfig } from "../src/platform/config.ts";
import { type HttpClient, openHttpClient } from "../src/platform/http_client.ts";
import { createLog } from "../src/platform/log.ts";

export const simulatorKey = "the-simulators-key-of-the-test";
export const twilioAccount = { sid: `AC${"a".repeat(32)}`, token: "0123456789abcdef" };
export const smppAccount = { systemId: "oulu", password: "secret" };

export interface TestSimulator {
  node: SimulatorNode;
  folder: string;
  url: string;
  /** 0: it does not speak SMPP. */
  smppPort: number;
  client: HttpClient;
  /** PUT /weather. */
  setWeather(weather: Record<string, unknown>): Promise<void>;
  statistics(): Promise<Record<string, unknown>>;
  weather(): Promise<Record<string, unknown>>;
  /** Marks of answered receipts, which the journal writes when it has time, are on disk. */
  untilJournaled(): Promise<void>;
  /** What kill -9 leaves: another one starts on a copy of the files as they are now. */
  killAndRestart(changes?: Record<string, string>): Promise<TestSimulator>;
  stop(): Promise<void>;
}

/** Of the profile `answered`, without delays, unless the settings given say otherwise. */
export async function startTestSimulator(changes: Record<string, string> = {}, folder?: string): Promise<TestSimulator> {
  const home = folder ?? (await mkdtemp(join(tmpdir(), "bulksms-simulator-")));
  const settings = {
    BULKSMS_SIMULATOR_KEY: simulatorKey,
    BULKSMS_SIMULATOR_DATA: home,
    BULKSMS_SIMULATOR_PORT: "0",
    BULKSMS_SIMULATOR_SPEED: "max",
    BULKSMS_SIMULATOR_PROFILE: "answered",
    BULKSMS_SIMULATOR_RECEIPTS_URL: "http://127.0.0.1:9/receipts",
    BULKSMS_RECEIPT_SECRETS: "a-secret",
    BULKSMS_SIMULATOR_SMPP_ACCOUNTS: `${smppAccount.systemId}:${smppAccount.password}`,
    BULKSMS_SIMULATOR_SMPP_PORT: "0",
    BULKSMS_SIMULATOR_TWILIO_ACCOUNTS: `${twilioAccount.sid}:${twilioAccount.token}`,
    ...changes,
  };
  const read = readConfig(settings, config);
  const node = create(read, createLog("simulator", { level: "error", format: "json" }));
  await node.start();
  const url = `http://127.0.0.1:${node.ports().http}`;
  const client = openHttpClient(url, { timeoutMs: 20_000 });
  const headers = { authorization: `Bearer ${simulatorKey}` };
  const ask = async (path: string) => (await client.request({ method: "GET", path, headers })).body as Record<string, unknown>;
  const stop = async (): Promise<void> => {
    await client.close();
    await node.stop();
    await rm(home, { recursive: true, force: true });
  };
  return {
    ...{ node, folder: home, url, smppPort: node.ports().smpp ?? 0, client, stop },
    async setWeather(weather) {
      const { status, body } = await client.request({ method: "PUT", path: "/weather", headers, body: weather });
      if (status !== 200) throw new Error(`the weather was refused: ${JSON.stringify(body)}`);
    },
    statistics: () => ask("/statistics"),
    weather: () => ask("/weather"),
    // sums of a batch are read from the journal, which is written first
    untilJournaled: async () => void (await ask("/statistics?batch_id=0192f0c1-2345-7abc-8def-0123456789ab")),
    async killAndRestart(next = {}) {
      const copy = await mkdtemp(join(tmpdir(), "bulksms-simulator-"));
      await cp(home, copy, { recursive: true });
      await stop();
      return startTestSimulator({ ...changes, ...next }, copy);
    },
  };
}
