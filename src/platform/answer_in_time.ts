// The wait that a client of an HTTP door is promised at most, also while a frozen dependency keeps
// us waiting. Used by the nodes' routes.
import { AppError } from "../contracts/errors.ts";

/** A caller hears within 2 s; the rest is for the way. */
export const answerWithinMs = 1_900;

/**
 * The result of `work`, or a refusal once the request is `answerWithinMs` old. Work that is refused
 * goes on and may still take effect.
 * @param elapsedMs how old the request is already (fastify's `reply.elapsedTime`)
 * @throws AppError service_unavailable
 */
export async function answerInTime<T>(elapsedMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    const late = () => reject(new AppError("service_unavailable", "A dependency does not answer in time.", { retryAfterS: 2 }));
    timer = setTimeout(late, Math.max(0, answerWithinMs - elapsedMs));
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
