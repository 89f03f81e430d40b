// The port to a carrier: what dispatch asks of it and what its answers mean, whatever protocol it
// speaks. Each adapter is a folder beside this file. Used by campaign/dispatch.
import type { SubmitRequest } from "../contracts/receipts.ts";

export type SubmitOutcome =
  /** Its verdict on every message; the carrier repeats it forever. */
  | { kind: "answered"; rejected: ReadonlyMap<number, string> }
  /** We were too fast: it accepted nothing, and wants no requests until then. */
  | { kind: "throttled"; retryAfterMs: number }
  /** No verdict. `isWithoutEffect`: the body definitely never reached it. */
  | { kind: "silent"; isWithoutEffect: boolean; reason: string }
  /** It will never accept this body as it is: wrong key, wrong form. */
  | { kind: "refused"; reason: string };

export interface CarrierClient {
  /** `timeoutMs`: an integer, for the whole exchange; defaults to that of the client. */
  submit(body: SubmitRequest, timeoutMs?: number): Promise<SubmitOutcome>;
  close(): Promise<void>;
}
