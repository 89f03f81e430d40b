// POST /receipts/{carrier}: signed receipts, single or many in a body. Answers 2xx only after the
// commit of all of them.
import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance } from "fastify";
import type { ReceiptBatcher } from "../../campaign/receipts/receipt_batcher.ts";
import { parseReceipts } from "../../campaign/receipts/receipt_parse.ts";
import { AppError } from "../../contracts/errors.ts";
import { type ReceiptsAnswer, receiptsAnswer, webhookToleranceS } from "../../contracts/receipts.ts";
import type { DirectRoute } from "../../platform/direct_route.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { secondsBuckets } from "../../platform/metrics.ts";
import { verifyWebhook } from "../../protocols/standard_webhooks/webhook_signature.ts";

/** Carriers that may call back; today only the simulated one. */
export const carriers: ReadonlySet<string> = new Set(["simulated"]);
/** 1,000 receipts (the most of one body) are about 250 kB; a batch of them must fit well. */
const bodyBytesMax = 2 * 1024 * 1024;

export interface ReceiptsRouteDependencies {
  batcher: ReceiptBatcher;
  /** Newest first; two may be valid at once. */
  secrets: readonly string[];
  metrics: Metrics;
}

export interface ReceiptsTaking {
  /**
   * Commits the receipts of a signed body. @returns what is answered. @throws AppError
   * signature_invalid, json_invalid, receipts_invalid, or of the batcher
   */
  take(headers: IncomingHttpHeaders, body: Buffer): Promise<ReceiptsAnswer>;
  /** The usual requests to each carrier's path. */
  directRoutes: DirectRoute[];
}

/**
 * The hottest route of the system: raw body, no schema; the signature is over the bytes as they
 * came.
 */
export function openReceiptsTaking({ batcher, secrets, metrics }: ReceiptsRouteDependencies): ReceiptsTaking {
  const seconds = metrics.histogram(
    "receipts_request_seconds",
    "A receipts request, from its body to its answer after the commit",
    secondsBuckets,
  );
  const refused = metrics.counter("receipts_refused_total", "Receipts requests with a bad or old signature");
  async function take(headers: IncomingHttpHeaders, body: Buffer): Promise<ReceiptsAnswer> {
    const startedAt = performance.now();
    if (!verifyWebhook({ secrets, headers, body, nowS: Date.now() / 1_000 })) {
      refused.inc();
      throw new AppError(
        "signature_invalid",
        `The signature was not made over this body with a valid secret, or is older than ${webhookToleranceS} s.`,
      );
    }
    const receipts = parseReceipts(body);
    reachFailpoint("receipts_received");
    await batcher.add(receipts);
    reachFailpoint("receipts_committed");
    seconds.observe((performance.now() - startedAt) / 1_000);
    return { committed: receipts.length };
  }
  const directRoutes = [...carriers].map((carrier) => ({ path: `/receipts/${carrier}`, bodyBytesMax, answer: take }));
  return { take, directRoutes };
}

export async function receiptsRoute(app: HttpServer, { take }: ReceiptsTaking): Promise<void> {
  await app.register(async (scope: FastifyInstance) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/json", { parseAs: "buffer", bodyLimit: bodyBytesMax }, (_request, body, done) =>
      done(null, body),
    );
    scope.post(
      "/receipts/:carrier",
      {
        bodyLimit: bodyBytesMax,
        helmet: false, // headers for browsers: no carrier reads them
        config: { rateLimit: false },
        schema: {
          tags: ["receipts"],
          summary: "What became of messages",
          description:
            'One receipt `{"id", "reference", "status", "error_code"?, "at"}` or `{"receipts": [...]}`, signed as Standard Webhooks say. ' +
            "A 2xx means that all of them are committed. What no message can accept (unknown reference or status, contradiction, late) is quarantined and also answered 2xx.",
          security: [],
          response: { 200: receiptsAnswer },
        },
      },
      async (request) => {
        if (!carriers.has((request.params as { carrier: string }).carrier)) {
          throw new AppError("carrier_not_found", "No carrier of that name may call back.");
        }
        return take(request.headers, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
      },
    );
  });
}
