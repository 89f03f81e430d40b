// What Twilio's answer to a message means. Twilio has no way to send a message again under the same
// key, so an answer that might hide an acceptance has no outcome: the message is in doubt.
import { isAppError } from "../../contracts/errors.ts";
import type { HttpResponse } from "../../platform/http_client.ts";
import { readRetryAfter } from "../../platform/time/retry_after.ts";
import { apiErrors, errorCodeOf, isRefusalOfAccount, twilioError } from "../../protocols/twilio/errors.ts";
import { readMessage } from "../../protocols/twilio/message.ts";
import type { LinkEnd, MessageOutcome } from "../link.ts";
import { isNeverConnected } from "../never_connected.ts";

export type Judgement =
  | { kind: "outcome"; outcome: MessageOutcome }
  /** Certainly not accepted; it wants no requests for so long. null: it did not say. */
  | { kind: "throttled"; retryAfterMs: number | null }
  /** Certainly not accepted, and nothing else would be: the link ends. */
  | { kind: "ends"; end: LinkEnd }
  /** It may have been accepted: no outcome, and the link ends. */
  | { kind: "doubt"; end: LinkEnd };

const retryAfterMaxMs = 60_000;

export function judgeAnswer(response: HttpResponse): Judgement {
  const { status, body } = response;
  if (status >= 200 && status < 300) {
    const message = readMessage.safeParse(body);
    if (message.success) return { kind: "outcome", outcome: { kind: "accepted", ids: [message.data.sid] } };
    return doubt("cut", `Twilio answered ${status} without a message that can be read`);
  }
  if (status === 408 || status >= 500) return doubt("cut", `Twilio answered ${status}`);
  const error = twilioError.safeParse(body);
  const code = error.success ? error.data.code : null;
  if (status === 429 || code === apiErrors.queueFull.code) {
    return { kind: "throttled", retryAfterMs: readRetryAfter(response.headers["retry-after"], retryAfterMaxMs) };
  }
  if (isRefusalOfAccount({ status, code })) return refused(`Twilio refuses the account: ${describe(status, code, error.data?.message)}`);
  if (code === null) return refused(`there is no API of Twilio at this address: HTTP ${status}`);
  return { kind: "outcome", outcome: { kind: "rejected", errorCode: errorCodeOf(code) } };
}

/** @param error as thrown by platform/http_client.ts */
export function judgeFailure(error: unknown): Judgement {
  if (!isAppError(error, "deadline_exceeded", "service_unavailable")) throw error;
  if (isNeverConnected(error.cause)) return { kind: "ends", end: { reason: "cut", description: error.message } };
  return error.code === "deadline_exceeded"
    ? doubt("timed_out", "Twilio did not answer a request in time")
    : doubt("cut", "the connection to Twilio was cut before its answer");
}

const doubt = (reason: "cut" | "timed_out", description: string): Judgement => ({ kind: "doubt", end: { reason, description } });
const refused = (description: string): Judgement => ({ kind: "ends", end: { reason: "refused", description } });

const describe = (status: number, code: number | null, message: string | undefined): string =>
  code === null ? `HTTP ${status}` : `${code} ${(message ?? "").slice(0, 200)}`;
