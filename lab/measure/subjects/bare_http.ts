// How many receipts per second a bare node:http server accepts from the simulator's own client,
// with the same number in flight and the same pipelining as ours: what HTTP alone costs, without a
// database; with the signature made and checked, or without.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { endChild, spawnBound } from "../../../src/local/engines/bound_process.ts";
import { signWebhook } from "../../../src/protocols/standard_webhooks/webhook_signature.ts";
import { openReceiverClient, type ReceiverClient } from "../../../src/webhooks/receiver_client.ts";
import type { SimulatorMode } from "./ours.ts";

const stopMaxMs = 2_000;

export interface BareHttp {
  /** Of the server; the client is this program. */
  pid: number;
  /** Sends for this time. @throws when the server refuses a body */
  measure(mode: SimulatorMode, options: { isSigned: boolean; runMs: number }): Promise<{ receipts: number; seconds: number }>;
  stop(): Promise<void>;
}

export async function startBareHttp(): Promise<BareHttp> {
  const secret = randomUUID();
  const server = spawnBound(process.execPath, ["--import", "tsx", join(import.meta.dirname, "bare_server.ts")], "KILL", {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, BARE_SECRET: secret },
  });
  const [line] = (await once(server.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  const url = `http://127.0.0.1:${String(line).trim()}`;
  return {
    pid: server.pid ?? 0,
    async measure(mode, { isSigned, runMs }) {
      const clients = Array.from({ length: Math.ceil(mode.inFlight / mode.pipelining) }, () =>
        openReceiverClient(`${url}${isSigned ? "/signed" : "/plain"}`, mode.pipelining),
      );
      try {
        return await sendFor(clients, { mode, secret: isSigned ? secret : null, runMs });
      } finally {
        await Promise.all(clients.map((client) => client.close()));
      }
    },
    stop: () => endChild(server, "SIGTERM", stopMaxMs),
  };
}

interface Sending {
  mode: SimulatorMode;
  /** Null: no signature. */
  secret: string | null;
  runMs: number;
}

async function sendFor(
  clients: readonly ReceiverClient[],
  { mode, secret, runMs }: Sending,
): Promise<{ receipts: number; seconds: number }> {
  const body = Buffer.from(bodyOf(mode.receiptsPerBody));
  const plain = { "content-type": "application/json" };
  const headers = (): Record<string, string> =>
    secret === null ? plain : { ...plain, ...signWebhook({ secret, id: "bare", timestampS: Math.floor(Date.now() / 1_000), body }) };
  const startedAt = performance.now();
  let bodies = 0;
  const lane = async (client: ReceiverClient): Promise<void> => {
    while (performance.now() - startedAt < runMs) {
      const { status } = await client.post(headers(), body);
      if (status !== 200) throw new Error(`the bare HTTP server answered ${status}`);
      bodies += 1;
    }
  };
  await Promise.all(Array.from({ length: mode.inFlight }, (_, index) => lane(clients[index % clients.length] as ReceiverClient)));
  return { receipts: bodies * mode.receiptsPerBody, seconds: (performance.now() - startedAt) / 1_000 };
}

/** In the simulator's format. */
function bodyOf(receipts: number): string {
  const batchId = "0198a1b2-0000-7000-8000-000000000000";
  const one = (row: number) => ({
    id: `${batchId}.${row}.2`,
    reference: `${batchId}.${row}`,
    status: "sent",
    at: "2026-01-01T00:00:00.000Z",
  });
  const all = Array.from({ length: receipts }, (_, index) => one(index + 1));
  return JSON.stringify(receipts === 1 ? all[0] : { receipts: all });
}
