// Who is calling webapi: a hook that authenticates before a body is read, and the rules of which
// workspace a caller may see.
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Authenticate, type Caller, requireScope } from "../../accounts/authenticator.ts";
import type { KeyScope } from "../../contracts/keys.ts";
import { workspaceNotFound } from "../../credit/workspaces.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import { credentialsOf, isSameOrigin } from "../../platform/session_cookie.ts";

export interface Callers {
  /**
   * For `onRequest` of a route. @throws AppError key_missing, key_invalid, session_invalid,
   * origin_refused, rate_limited, scope_missing, service_unavailable
   */
  require(scope: KeyScope): (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** The caller of a request that went through `require`. */
  of(request: FastifyRequest): Caller;
}

export function createCallers(authenticate: Authenticate): Callers {
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    require: (scope) => async (request, reply) => {
      const caller = await answerInTime(reply.elapsedTime, authenticate(credentialsOf(request, isSameOrigin), request.ip));
      requireScope(caller, scope);
      callers.set(request, caller);
    },
    of(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error("a route without authentication asked for its caller");
      return caller;
    },
  };
}

/**
 * A key of the whole installation sees all workspaces, any other only its own. Another's workspace
 * looks like one that does not exist. @throws AppError workspace_not_found
 */
export function assertMaySee(caller: Caller, workspaceId: string): void {
  if (caller.workspaceId !== null && caller.workspaceId !== workspaceId.toLowerCase()) throw workspaceNotFound();
}
