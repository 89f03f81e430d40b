// Who is calling salesapi: a hook that authenticates before a body is read. Campaigns belong to
// workspaces, so only keys and sessions of one are let in; carriers belong to the installation.
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Authenticate, type Caller, requireInstallation, requireScope, requireWorkspace } from "../../accounts/authenticator.ts";
import type { KeyScope } from "../../contracts/keys.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import { credentialsOf, type IsOwnOrigin } from "../../platform/session_cookie.ts";

export interface SalesCallers {
  /**
   * Who is asking, by key or cookie. @throws AppError key_missing, key_invalid, session_invalid,
   * origin_refused, rate_limited, service_unavailable
   */
  identify(request: FastifyRequest): Promise<Caller>;
  /** For `onRequest` of a route. @throws AppError as `identify`, scope_missing */
  require(scope: KeyScope): (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /**
   * For `onRequest` of a route of the whole installation: a key of it with scope admin. @throws
   * AppError as `identify`, scope_missing
   */
  requireInstallation(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** The workspace of a request that went through `require`. */
  workspaceOf(request: FastifyRequest): string;
}

export function createSalesCallers(authenticate: Authenticate, isOwnOrigin: IsOwnOrigin): SalesCallers {
  const workspaces = new WeakMap<FastifyRequest, string>();
  const identify = async (request: FastifyRequest) => authenticate(credentialsOf(request, isOwnOrigin), request.ip);
  return {
    identify,
    require: (scope) => async (request, reply) => {
      const caller = await answerInTime(reply.elapsedTime, identify(request));
      requireScope(caller, scope);
      workspaces.set(request, requireWorkspace(caller));
    },
    async requireInstallation(request, reply) {
      const caller = await answerInTime(reply.elapsedTime, identify(request));
      requireScope(caller, "admin");
      requireInstallation(caller);
    },
    workspaceOf(request) {
      const workspaceId = workspaces.get(request);
      if (workspaceId === undefined) throw new Error("a route without authentication asked for its workspace");
      return workspaceId;
    },
  };
}
