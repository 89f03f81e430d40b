// A carrier for tests: a real HTTP server that journals verdicts in memory, answers as it is told,
// and sends signed receipts when a test says so.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { SubmitRequest } from "../src/contracts/receipts.ts";
import { signWebhook } from "../src/protocols/standard_webhooks/webhook_signature.ts";

export type Behaviour =
  | "accept"
  | { status: number; headers?: Record<string, string>; body?: unknown }
  /** Takes the body, journals the verdict, and never answers. */
  | "swallow"
  /** Does not even read. */
  | "hang";

export interface TestCarrier {
  url: string;
  key: string;
  secret: string;
  /** Bodies as they came, repeats included. */
  bodies: SubmitRequest[];
  /** First accepted message by reference. */
  accepted: Map<string, SubmitRequest["messages"][number] & { text: string; valid_until: string }>;
  behave(behaviour: Behaviour): void;
  /** Rows whose verdict is a rejection, by row number. */
  reject(rowNos: Record<number, string>): void;
  /** Called after each verdict is journaled, before its answer. */
  onBody: ((body: SubmitRequest) => Promise<void> | void) | null;
  /** Stops listening (connections are refused) or listens again on the same port. */
  setUp(isUp: boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestCarrier(): Promise<TestCarrier> {
  let behaviour: Behaviour = "accept";
  let rejected: Record<number, string> = {};
  let port = 0;
  const listen = async () => {
    const server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
    return server;
  };
  const carrier: TestCarrier = {
    url: "",
    key: "carrier-key-of-a-test",
    secret: "receipt-secret-of-a-test",
    bodies: [],
    accepted: new Map(),
    onBody: null,
    behave(next) {
      behaviour = next;
    },
    reject(rowNos) {
      rejected = rowNos;
    },
    async setUp(isUp) {
      if (isUp && !server.listening) server = await listen();
      else if (!isUp && server.listening) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
    async stop() {
      await this.setUp(false);
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (behaviour === "hang") return;
    const body = JSON.parse(await readAll(request)) as SubmitRequest;
    carrier.bodies.push(body);
    if (typeof behaviour === "object") {
      response.writeHead(behaviour.status, { "content-type": "application/json", ...behaviour.headers });
      response.end(JSON.stringify(behaviour.body ?? { code: "test" }));
      return;
    }
    for (const message of body.messages) {
      const reference = `${body.batch_id}.${message.row_no}`;
      if (rejected[message.row_no] === undefined && !carrier.accepted.has(reference)) {
        carrier.accepted.set(reference, { ...message, text: message.text ?? body.text ?? "", valid_until: body.valid_until });
      }
    }
    const refusals = body.messages.flatMap(({ row_no }) =>
      rejected[row_no] === undefined ? [] : [{ row_no, error_code: rejected[row_no] }],
    );
    await carrier.onBody?.(body);
    if (behaviour === "swallow") return;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ batch_id: body.batch_id, accepted: body.messages.length - refusals.length, rejected: refusals }));
  }

  let server = await listen();
  carrier.url = `http://127.0.0.1:${port}`;
  return carrier;
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

let receiptNo = 0;

/** A receipt with an id of its own. */
export function makeReceipt(bulksmsId: string, rowNo: number, status: string, more: Record<string, unknown> = {}) {
  return { id: `receipt-${++receiptNo}`, reference: `${bulksmsId}.${rowNo}`, status, at: new Date().toISOString(), ...more };
}

/** Sends a body of receipts to salesapi, signed now. @returns status and parsed answer. */
export async function sendReceipts(
  salesapiUrl: string,
  body: unknown,
  options: { secret: string; timestampS?: number; carrier?: string; headers?: Record<string, string> },
): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const signed = signWebhook({
    secret: options.secret,
    id: `webhook-${++receiptNo}`,
    timestampS: options.timestampS ?? Math.floor(Date.now() / 1_000),
    body: text,
  });
  const response = await fetch(`${salesapiUrl}/receipts/${options.carrier ?? "simulated"}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...signed, ...options.headers },
    body: text,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
