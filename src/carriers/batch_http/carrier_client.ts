// Submits one body of messages to the carrier and interprets its answer. Opened by sales_worker,
// called by dispatch.
import { isAppError } from "../../contracts/errors.ts";
import { type SubmitRequest, submitResponse } from "../../contracts/receipts.ts";
import { type HttpResponse, openHttpClient } from "../../platform/http_client.ts";
import { readRetryAfter } from "../../platform/time/retry_after.ts";
import type { CarrierClient, SubmitOutcome } from "../carrier.ts";
import { isNeverConnected } from "../never_connected.ts";

/** Used when a 429 has no Retry-After. */
const retryAfterDefaultMs = 1_000;
/**
 * Upper limit of a Retry-After: after it we try again, since an operator may have raised the limit
 * meanwhile.
 */
const retryAfterMaxMs = 60_000;
export function openCarrierClient(options: { url: string; key: string; timeoutMs: number; connections: number }): CarrierClient {
  const client = openHttpClient(options.url, { timeoutMs: options.timeoutMs, connections: options.connections });
  return {
    async submit(body, timeoutMs = options.timeoutMs) {
      try {
        const response = await client.request({
          method: "POST",
          path: "/messages",
          headers: { authorization: `Bearer ${options.key}` },
          body,
          timeoutMs,
        });
        return judgeAnswer(response, body);
      } catch (error) {
        if (!isAppError(error, "deadline_exceeded", "service_unavailable")) throw error;
        return { kind: "silent", isWithoutEffect: isNeverConnected(error.cause), reason: error.message };
      }
    },
    close: () => client.close(),
  };
}

/**
 * 429, 5xx, a body that did not arrive in time (408: a frozen process, a slow connection) and
 * answers that do not match the contract are no verdict; any other status than 200 refuses the
 * whole body. Exported for its test.
 */
export function judgeAnswer(response: HttpResponse, body: SubmitRequest): SubmitOutcome {
  const { status } = response;
  if (status === 429) {
    const askedMs = readRetryAfter(response.headers["retry-after"], retryAfterMaxMs) ?? retryAfterDefaultMs;
    return { kind: "throttled", retryAfterMs: Math.max(1, askedMs) };
  }
  if (status === 408 || status >= 500) return { kind: "silent", isWithoutEffect: false, reason: `carrier answered ${status}` };
  if (status !== 200) return { kind: "refused", reason: `carrier_refused_${status}` };
  const answer = submitResponse.safeParse(response.body);
  if (!answer.success) return { kind: "silent", isWithoutEffect: false, reason: "carrier's answer has not the form of a verdict" };
  const { batch_id, accepted, rejected } = answer.data;
  const verdicts = new Map(rejected.map(({ row_no, error_code }) => [row_no, error_code.replaceAll("\u0000", "")]));
  const isOurs =
    batch_id === body.batch_id &&
    accepted + rejected.length === body.messages.length &&
    verdicts.size === rejected.length &&
    countIn(body, verdicts) === verdicts.size;
  if (!isOurs) return { kind: "silent", isWithoutEffect: false, reason: "carrier's answer speaks of other messages" };
  return { kind: "answered", rejected: verdicts };
}

function countIn(body: SubmitRequest, rows: ReadonlyMap<number, string>): number {
  return rows.size === 0 ? 0 : body.messages.filter(({ row_no }) => rows.has(row_no)).length;
}
