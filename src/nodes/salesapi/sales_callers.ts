// Who is calling salesapi: a hook that authenticates before a body is read. Campaigns belong to
// workspaces, so only keys and sessions of one are let in.
import type { FastifyRequest } from "fastify";
import { type Authenticate, type Caller, type KeyScope, requireScope, requireWorkspace } from "../../accounts/authenticator.ts";
import { AppError } from "../../contracts/errors.ts";
import { credentialsOf, type IsOwnOrigin } from "../../platform/session_cookie.ts";

export interface SalesCallers {
  /**
   * Who is asking, by key or cookie. @throws AppError key_missing, key_invalid, session_invalid,
   * origin_refused, rate_limited, service_unavailable
   */
  identify(request: FastifyRequest): Promise<Caller>;
  /** For `onRequest` of a route. @throws AppError as `identify`, scope_missing */
  require(scope: KeyScope): (request: FastifyRequest) => Promise<void>;
  /** The workspace of a request that went through `require`. */
  workspaceOf(request: FastifyRequest): string;
}

export function createSalesCallers(authenticate: Authenticate, isOwnOrigin: IsOwnOrigin): SalesCallers {
  const workspaces = new WeakMap<FastifyRequest, string>();
  const identify = async (request: FastifyRequest) => authenticate(credentialsOf(request, isOwnOrigin), request.ip);
  return {
    identify,
    require: (scope) => async (request) => {
      const caller = await identify(request);
      requireScope(caller, scope);
      workspaces.set(request, requireWorkspace(caller));
    },
    workspaceOf(request) {
      const workspaceId = workspaces.get(request);
      if (workspaceId === undefined) throw new Error("a route without authentication asked for its workspace");
      return workspaceId;
    },
  };
}

/** A caller is promised an answer within 2 s, also while a frozen database keeps us waiting. */
const answerWithinMs = 1_900;

/**
 * The result of a read or command, or 503 when it takes too long. What it does may still take
 * effect. @throws AppError service_unavailable
 */
export async function answerInTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new AppError("service_unavailable", "The database does not answer in time.", { retryAfterS: 2 })),
      answerWithinMs,
    );
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
