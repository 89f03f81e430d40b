// POST /workspaces, GET /workspaces/{id}.
import { z } from "zod";
import { requireInstallation } from "../../accounts/authenticator.ts";
import { formatCredits } from "../../contracts/credits.ts";
import { type WorkspaceAnswer, workspaceAnswer } from "../../contracts/workspaces.ts";
import { toCreditUpdate } from "../../credit/credit_update.ts";
import { type Balance, createWorkspace, readWorkspace } from "../../credit/workspaces.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Sql } from "../../platform/postgres.ts";
import { assertMaySee, type Callers } from "./callers.ts";

/**
 * A name given by a person: one line, no control characters (Postgres rejects NUL), no half
 * characters (they would be stored as something else).
 */
export const nameField = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must not have control characters or lone surrogates");

export const workspaceParams = z.strictObject({ id: z.uuid() });

export function addWorkspaceRoutes(app: HttpServer, { sql, callers }: { sql: Sql; callers: Callers }): void {
  app.post(
    "/workspaces",
    {
      onRequest: callers.require("admin"),
      schema: {
        tags: ["workspaces"],
        summary: "Create a workspace (scope admin, installation-wide key)",
        body: z.strictObject({ name: nameField }),
        response: { 201: workspaceAnswer },
      },
    },
    async (request, reply) => {
      requireInstallation(callers.of(request));
      const workspace = await answerInTime(reply.elapsedTime, createWorkspace(sql, request.body.name));
      return reply.status(201).header("location", `/workspaces/${workspace.workspaceId}`).send(toAnswer(workspace));
    },
  );
  app.get(
    "/workspaces/:id",
    {
      onRequest: callers.require("read"),
      schema: { tags: ["workspaces"], summary: "A workspace and its credit", params: workspaceParams, response: { 200: workspaceAnswer } },
    },
    async (request, reply) => {
      assertMaySee(callers.of(request), request.params.id);
      return toAnswer(await answerInTime(reply.elapsedTime, readWorkspace(sql, request.params.id)));
    },
  );
}

function toAnswer(balance: Balance): WorkspaceAnswer {
  return {
    id: balance.workspaceId,
    name: balance.name,
    credit: formatCredits(balance.availableMilli + balance.heldMilli),
    available: formatCredits(balance.availableMilli),
    held: formatCredits(balance.heldMilli),
    spent: formatCredits(balance.spentMilli),
    version: toCreditUpdate(balance).version,
    created_at: balance.createdAt.toISOString(),
  };
}
