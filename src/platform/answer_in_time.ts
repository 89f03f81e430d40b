// Bounds how long a client of an HTTP endpoint waits for its answer, even while a frozen dependency
// blocks us. Used by the nodes' routes.
import { AppError } from "../contracts/errors.ts";
import { within } from "./time/deadline.ts";

/** A caller gets an answer within 2 s; the remainder covers the network. */
export const answerWithinMs = 1_900;

/**
 * Resolves with the result of `work`, or rejects once the request is `answerWithinMs` old. Work
 * that is given up on keeps running and may still take effect.
 * @param elapsedMs the age of the request so far (fastify's `reply.elapsedTime`)
 * @throws AppError service_unavailable
 */
export function answerInTime<T>(elapsedMs: number, work: Promise<T>): Promise<T> {
  const late = () => new AppError("service_unavailable", "A dependency does not answer in time.", { retryAfterS: 2 });
  return within(answerWithinMs - elapsedMs, work, late);
}
