// /callback-secret: what signs a workspace's callbacks. For keys of the workspace with scope admin;
// sealing all anew is for keys of the installation.
import { z } from "zod";
import {
  readCallbackSecret,
  resealCallbackSecrets,
  rotateCallbackSecret,
  type SecretStore,
} from "../../campaign/callbacks/callback_secret.ts";
import { callbackSecretAnswer } from "../../contracts/messages.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { SalesCallers } from "./sales_callers.ts";

export interface CallbackSecretDependencies extends SecretStore {
  callers: SalesCallers;
  log: Log;
}

const tags = ["messages"];

const description = `Each callback of a message is signed as Standard Webhooks say: HMAC-SHA256 of \`webhook-id.webhook-timestamp.body\`
with this secret, in the header \`webhook-signature\`. The secret is made on first use.`;
const rotateDescription = `From now on callbacks are signed with a new secret, and for 24 hours with the one before as well:
\`webhook-signature\` then has two signatures. Rotated again within that time, only the newest two count.`;

export function callbackSecretRoutes(app: HttpServer, { callers, log, ...store }: CallbackSecretDependencies): void {
  const onRequest = callers.require("admin");
  app.get(
    "/callback-secret",
    {
      onRequest,
      schema: { tags, summary: "The secret that signs callbacks (scope admin)", description, response: { 200: callbackSecretAnswer } },
    },
    (request, reply) => answerInTime(reply.elapsedTime, readCallbackSecret(store, callers.workspaceOf(request))),
  );
  app.post(
    "/callback-secret/rotate",
    {
      onRequest,
      schema: {
        tags,
        summary: "Replace the secret that signs callbacks (scope admin)",
        description: rotateDescription,
        response: { 200: callbackSecretAnswer },
      },
    },
    async (request, reply) => {
      const workspaceId = callers.workspaceOf(request);
      const answer = await answerInTime(reply.elapsedTime, rotateCallbackSecret(store, workspaceId));
      log.info({ event: "callback_secret.rotated", workspaceId });
      return answer;
    },
  );
  app.post(
    "/callback-secrets/reseal",
    {
      onRequest: callers.requireInstallation,
      schema: {
        tags,
        summary: "Seal all callback secrets with the newest key of the file (key of the installation)",
        response: { 200: z.object({ resealed: z.number().int().nonnegative() }) },
      },
    },
    async (_request, reply) => ({ resealed: await answerInTime(reply.elapsedTime, resealCallbackSecrets(store)) }),
  );
}
