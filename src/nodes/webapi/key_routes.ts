// POST, GET and DELETE /keys: API keys of a workspace, or of the whole installation.
import { z } from "zod";
import { type Caller, callerCachedS, hasScope } from "../../accounts/authenticator.ts";
import { createKey, listKeys, revokeKey } from "../../accounts/keys.ts";
import { AppError } from "../../contracts/errors.ts";
import { createdKeyAnswer, type KeyAnswer, type KeyScope, keyScopes, keysAnswer } from "../../contracts/keys.ts";
import { readWorkspace } from "../../credit/workspaces.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import { assertMaySee, type Callers } from "./callers.ts";
import { nameField } from "./workspace_routes.ts";

const scopesField = z
  .array(z.enum(keyScopes))
  .min(1)
  .max(keyScopes.length)
  .transform((scopes) => [...new Set(scopes)]);

export function addKeyRoutes(app: HttpServer, { sql, callers, log }: { sql: Sql; callers: Callers; log: Log }): void {
  app.post(
    "/keys",
    {
      onRequest: callers.require("send"),
      schema: {
        tags: ["keys"],
        summary: "Create a key, with no more scopes than your own. It is shown only once",
        body: z.strictObject({ name: nameField, scopes: scopesField, workspace_id: z.uuid().nullish() }),
        response: { 201: createdKeyAnswer },
      },
    },
    async (request, reply) => {
      const caller = callers.of(request);
      const { name, scopes } = request.body;
      const workspaceId = targetWorkspace(caller, request.body.workspace_id ?? null);
      assertMayGrant(caller, scopes);
      if (workspaceId === null && !scopes.includes("admin")) {
        throw new AppError("request_invalid", "A key without the scope admin needs a workspace_id.");
      }
      const created = await answerInTime(reply.elapsedTime, createKey(sql, { workspaceId, name, scopes }));
      log.info({ event: "key.created", keyId: created.id, workspaceId, scopes, byKeyId: caller.keyId });
      return reply.status(201).send({ ...toAnswer(created), key: created.key });
    },
  );
  app.get(
    "/keys",
    {
      onRequest: callers.require("read"),
      schema: {
        tags: ["keys"],
        summary: "The live keys of the workspace; of the installation for its own keys, unless they name a workspace",
        querystring: z.strictObject({ workspace_id: z.uuid().optional() }),
        response: { 200: keysAnswer },
      },
    },
    async (request, reply) => {
      const workspaceId = targetWorkspace(callers.of(request), request.query.workspace_id ?? null);
      const read = async () => {
        if (workspaceId !== null) await readWorkspace(sql, workspaceId);
        return listKeys(sql, workspaceId);
      };
      return { keys: (await answerInTime(reply.elapsedTime, read())).map(toAnswer) };
    },
  );
  app.delete(
    "/keys/:id",
    {
      onRequest: callers.require("send"),
      schema: {
        tags: ["keys"],
        summary: `Revoke a key with no more scopes than your own; its callers are refused within ${callerCachedS} s`,
        params: z.strictObject({ id: z.uuid() }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const caller = callers.of(request);
      await answerInTime(reply.elapsedTime, revokeKey(sql, request.params.id, caller.workspaceId ?? undefined, scopesOf(caller)));
      log.info({ event: "key.revoked", keyId: request.params.id, byKeyId: caller.keyId });
      return reply.status(204).send(null);
    },
  );
}

/**
 * The workspace that is meant: a key's own, or for a key of the installation the one that it names.
 * @throws AppError workspace_not_found
 */
function targetWorkspace(caller: Caller, named: string | null): string | null {
  if (named !== null) assertMaySee(caller, named);
  return caller.workspaceId ?? named;
}

/** Nobody grants more than they have. @throws AppError scope_missing */
function assertMayGrant(caller: Caller, scopes: readonly KeyScope[]): void {
  const own = scopesOf(caller);
  const scope = scopes.find((asked) => !own.includes(asked));
  if (scope !== undefined)
    throw new AppError("scope_missing", `This key lacks the scope ${scope} that it would give.`, { details: { scope } });
}

/** With those that its scopes include. */
function scopesOf(caller: Caller): KeyScope[] {
  return keyScopes.filter((scope) => hasScope(caller, scope));
}

function toAnswer(key: Awaited<ReturnType<typeof listKeys>>[number]): KeyAnswer {
  return { id: key.id, name: key.name, scopes: key.scopes, workspace_id: key.workspaceId, created_at: key.createdAt.toISOString() };
}
