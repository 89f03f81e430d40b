// The port to a carrier: what dispatch asks of it and what its answers mean, whatever it speaks.
// Each adapter is a folder beside this file. Used by campaign/dispatch.
import type { SubmitRequest } from "../contracts/receipts.ts";

export type SubmitOutcome =
  /** Its verdict on every message, which it repeats forever. */
  | { kind: "answered"; rejected: ReadonlyMap<number, string> }
  /** Too fast: it took nothing, and wants nothing before then. */
  | { kind: "throttled"; retryAfterMs: number }
  /** No verdict. `isWithoutEffect`: the body definitely never reached it. */
  | { kind: "silent"; isWithoutEffect: boolean; reason: string }
  /** It will never take this body as it is: wrong key, wrong form. */
  | { kind: "refused"; reason: string };

export interface CarrierClient {
  /** `timeoutMs`: a whole number, for the whole exchange; else that of the client. */
  submit(body: SubmitRequest, timeoutMs?: number): Promise<SubmitOutcome>;
  close(): Promise<void>;
}
