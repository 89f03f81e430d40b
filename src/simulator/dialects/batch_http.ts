// The simulator's HTTP: POST /messages, GET /messages/{reference}, GET /statistics, and /weather.
// All by the simulator's key.
import { isUtf8 } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { AppError } from "../../contracts/errors.ts";
import { submitRequest, submitResponse } from "../../contracts/receipts.ts";
import { type AccountPeaks, simulatedMessageAnswer, simulatorStatisticsAnswer } from "../../contracts/simulator_answers.ts";
import { bearerToken } from "../../platform/bearer_token.ts";
import type { FastifyInstance, HttpServer } from "../../platform/http.ts";
import { sha256 } from "../../platform/sha256.ts";
import type { Simulator } from "../simulator.ts";
import { addWeatherRoutes, type KeyedRequest } from "./weather_routes.ts";

/**
 * 10,000 messages with a text of their own of some 1,500 bytes each; with one text for all a body
 * is near 1 MB.
 */
const submitBytesMax = 16 * 1024 * 1024;

export interface BatchHttpOptions {
  simulator: Simulator;
  key: string;
  /** What the accounts of other dialects have shown at most, by their names. */
  peaks(): Record<string, AccountPeaks>;
}

export function addBatchHttpRoutes(app: HttpServer, { simulator, key, peaks }: BatchHttpOptions): void {
  const since = new Date().toISOString();
  const onRequest = keyCheck(key);
  addSubmitRoute(app as unknown as FastifyInstance, simulator, onRequest);
  addWeatherRoutes(app, simulator, onRequest);
  app.get(
    "/messages/:reference",
    {
      onRequest,
      schema: {
        tags: ["messages"],
        summary: "The fate of one message so far",
        params: z.object({ reference: z.string().describe("<batch_id>.<row_no>") }),
        response: { 200: simulatedMessageAnswer },
      },
    },
    async ({ params }) => simulatedMessageAnswer.parse(await simulator.message(params.reference)),
  );
  app.get(
    "/statistics",
    {
      onRequest,
      schema: {
        tags: ["messages"],
        summary: "Sums: of one batch from the journal, or of all since this process started",
        querystring: z.strictObject({ batch_id: z.uuid().optional() }),
        response: { 200: simulatorStatisticsAnswer },
      },
    },
    async ({ query }) => {
      if (query.batch_id !== undefined) {
        const batchId = query.batch_id.toLowerCase();
        return { batch_id: batchId, ...(await simulator.batch(batchId)) };
      }
      const { unfinished, receipts_pending } = simulator.gauges();
      return { since, ...simulator.counts(), receipts_pending, unfinished, accounts: peaks() };
    },
  );
}

/**
 * The body is parsed and checked by the simulator itself (src/simulator/submit.ts): thousands of
 * messages, several times faster so.
 */
function addSubmitRoute(app: FastifyInstance, simulator: Simulator, onRequest: (request: KeyedRequest) => Promise<void>): void {
  void app.register(async (scope) => {
    scope.removeContentTypeParser("application/json");
    scope.addContentTypeParser("application/json", { parseAs: "buffer", bodyLimit: submitBytesMax }, (_request, body, done) => {
      // read loosely, broken characters would be sent as U+FFFD
      if (!isUtf8(body as Buffer)) return done(new AppError("json_invalid", "The body is not UTF-8."), undefined);
      try {
        done(null, JSON.parse(body.toString()));
      } catch {
        done(new AppError("json_invalid", "The body is not valid JSON."), undefined);
      }
    });
    scope.post(
      "/messages",
      {
        onRequest,
        bodyLimit: submitBytesMax,
        validatorCompiler: () => () => true,
        serializerCompiler: () => JSON.stringify,
        schema: {
          tags: ["messages"],
          summary: "Hand over a batch; idempotent by reference",
          description:
            "Every message that `rejected` does not list is accepted. A repeat of a reference gets its first verdict again and is not sent again. 429 and 5xx: the whole body was without effect, or may be repeated.",
          body: submitRequest,
          response: { 200: submitResponse },
        },
      },
      (request) => simulator.submit(request.body),
    );
  });
}

/** Compared by hash, so in constant time whatever the length. */
function keyCheck(key: string): (request: KeyedRequest) => Promise<void> {
  const expected = sha256(key);
  return async (request) => {
    if (!timingSafeEqual(sha256(bearerToken(request.headers.authorization)), expected)) {
      throw new AppError("key_invalid", "This is not the simulator's key.");
    }
  };
}
