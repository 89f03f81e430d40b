// Somebody who receives a carrier's receipts in a test: a real HTTP server that keeps what it was
// told, checks each signature, and answers as the test says: but what is badly signed gets 401,
// what is not JSON 400.
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Receipt } from "../src/contracts/receipts.ts";
import { waitUntil } from "../src/platform/time/wait_until.ts";
import { verifyWebhook } from "../src/protocols/standard_webhooks/webhook_signature.ts";

export interface ReceivedBody {
  receipts: Receipt[];
  isSingle: boolean;
  isSignatureValid: boolean;
  headers: IncomingHttpHeaders;
  atMs: number;
  status: number;
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
}

export interface ReceiptsReceiver {
  url: string;
  secret: string;
  bodies: ReceivedBody[];
  /** Receipts of bodies answered 2xx, in the order of arrival. */
  answered(): Receipt[];
  /** Called for each body; what it gives is answered. */
  answerWith(answer: (receipts: Receipt[], bodyNo: number) => Answer): void;
  /** From now on nothing is refused: not what is badly signed, not what is not JSON. */
  answersAll(): void;
  /** Resolves when the condition holds; rejects after the limit. */
  until(condition: () => boolean, limitMs?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiptsReceiver(): Promise<ReceiptsReceiver> {
  const secret = "a receipt secret of the test";
  const bodies: ReceivedBody[] = [];
  let answer: (receipts: Receipt[], bodyNo: number) => Answer = () => ({ status: 204 });
  let isBlind = false;
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const parsed = parse(body);
    const receipts = parsed === null ? [] : "receipts" in parsed ? parsed.receipts : [parsed];
    const isSignatureValid = verifyWebhook({ secrets: [secret], headers: request.headers, body, nowS: Date.now() / 1_000 });
    const { status, headers }: Answer = isBlind
      ? { status: 204 }
      : !isSignatureValid
        ? { status: 401 }
        : parsed === null
          ? { status: 400 }
          : answer(receipts, bodies.length);
    bodies.push({
      receipts,
      isSingle: parsed !== null && !("receipts" in parsed),
      isSignatureValid,
      headers: request.headers,
      atMs: performance.now(),
      status,
    });
    response.writeHead(status, headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/receipts/simulated`,
    secret,
    bodies,
    answered: () => bodies.filter(({ status }) => status < 300).flatMap(({ receipts }) => receipts),
    answerWith: (next) => {
      answer = next;
    },
    answersAll: () => {
      isBlind = true;
    },
    until: async (condition, limitMs = 10_000) => {
      if (!(await waitUntil(condition, limitMs, 10))) throw new Error(`not within ${limitMs} ms: ${condition}`);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function parse(body: string): Receipt | { receipts: Receipt[] } | null {
  try {
    return JSON.parse(body) as Receipt | { receipts: Receipt[] };
  } catch {
    return null;
  }
}
