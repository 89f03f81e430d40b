// POST /messages, GET /messages/{id}: one text to one or a few numbers, for applications.
import { z } from "zod";
import { readCallbackUrl } from "../../campaign/callbacks/callback_url.ts";
import { readKeyHeader } from "../../campaign/import/idempotency.ts";
import { type ImportFieldName, readImportFields } from "../../campaign/import/import_fields.ts";
import { createMessage, type MessageDependencies, type MessageRequest } from "../../campaign/messages/create_message.ts";
import { messageNotFound, readMessage } from "../../campaign/messages/read_message.ts";
import type { PriceBook } from "../../campaign/pricing/price_book.ts";
import type { ProgressPublisher } from "../../campaign/reads/progress.ts";
import { idempotencyKeyHeader, idempotentReplayedHeader } from "../../contracts/idempotency.ts";
import { isUuid } from "../../contracts/ids.ts";
import { createdMessage, messageView, type NewMessage, newMessage, recipientsMax } from "../../contracts/messages.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { RingingQueue } from "../../platform/queue.ts";
import { sha256 } from "../../platform/sha256.ts";
import type { CreateSettings } from "./create_route.ts";
import type { SalesCallers } from "./sales_callers.ts";

export interface MessageRoutesDependencies extends Pick<MessageDependencies, "sql" | "credit"> {
  callers: SalesCallers;
  sales: RingingQueue<"sales">;
  progress: ProgressPublisher;
  prices: PriceBook;
  settings: Pick<CreateSettings, "defaultCountry" | "defaultCarrier" | "textPartsMax" | "deadlineS"> & { callbackPrivateTargets: string };
  log: Log;
}

/** Texts of 2,000 characters, each escaped as JSON can, a URL, and a hundred numbers. */
const bodyBytesMax = 64 * 1024;
const tags = ["messages"];

const description = `Texts one number or up to ${recipientsMax}, at once: credit for all parts is held, then they are sent.
All numbers are judged first as those of a file; if one is rejected nobody is texted: 422 \`recipients_rejected\` names each with its reason.
Too little credit: 402 \`insufficient_credit\`, nothing is sent now or later, and the same \`Idempotency-Key\` may be used again.
202 \`running\`, or \`reserving\` when the credit service is silent: then it goes on by itself.
Without an answer (or with 503 and 504) repeat the request with the same \`Idempotency-Key\`: nobody is texted twice, and what was begun is finished.
A repeat gets the message as it is now (\`${idempotentReplayedHeader}: true\`), another request under the key 422 \`idempotency_key_reused\`.
Each message is also a campaign by its id: POST /cancel, GET /bulksms/{id} and what belongs to it take it; GET /bulksms lists it with \`kind=message\`.`;

export function messageRoutes(app: HttpServer, dependencies: MessageRoutesDependencies): void {
  const { sql, callers, log } = dependencies;
  const messages = messageDependencies(dependencies);
  app.post(
    "/messages",
    {
      onRequest: callers.require("send"),
      bodyLimit: bodyBytesMax,
      schema: {
        tags,
        summary: "Text one number or a few",
        description,
        headers: z.object({ [idempotencyKeyHeader]: z.string().optional() }),
        body: newMessage,
        response: { 202: createdMessage },
      },
    },
    async (request, reply) => {
      const asked = requestOf(
        dependencies,
        callers.workspaceOf(request),
        request.body,
        readKeyHeader(request.headers[idempotencyKeyHeader]),
      );
      const { view, isRepeat } = await answerInTime(reply.elapsedTime, createMessage(messages, asked));
      if (!isRepeat)
        log.info({
          event: "message.created",
          bulksmsId: view.id,
          status: view.status,
          recipients: view.recipients.length,
          parts: view.parts,
        });
      if (isRepeat) reply.header(idempotentReplayedHeader, "true");
      return await reply.status(202).send(view);
    },
  );
  app.get(
    "/messages/:id",
    {
      onRequest: callers.require("read"),
      schema: {
        tags,
        summary: "One message: the state of each recipient, and how far its callback URL has been told",
        params: z.object({ id: z.string() }),
        response: { 200: messageView },
      },
    },
    (request, reply) => {
      const { id } = request.params;
      if (!isUuid(id)) throw messageNotFound();
      return answerInTime(reply.elapsedTime, readMessage(sql, callers.workspaceOf(request), id.toLowerCase()));
    },
  );
}

function messageDependencies({ sql, credit, prices, settings, progress, sales }: MessageRoutesDependencies): MessageDependencies {
  return {
    sql,
    credit,
    settings,
    // always asked anew: a price that has just changed is not charged at the old one unseen
    currentPricing: () => prices.current(0),
    onChanged(campaign) {
      progress.changed(campaign);
      sales.ring("run_bulksms", { bulksms_id: campaign.bulksmsId });
    },
  };
}

/**
 * @throws AppError text_invalid, text_too_long, sender_invalid, request_invalid,
 * callback_url_invalid
 */
function requestOf({ settings }: MessageRoutesDependencies, workspaceId: string, body: NewMessage, key: string | null): MessageRequest {
  const { to, callback_url: callbackUrl, ...others } = body;
  const numbers = typeof to === "string" ? [to] : to;
  const fields = new Map<ImportFieldName, string>();
  for (const name of ["sender", "carrier", "country"] as const) if (others[name] !== undefined) fields.set(name, others[name]);
  if (others.deadline_s !== undefined) fields.set("deadline_s", String(others.deadline_s));
  // a campaign's text is a template: here braces mean themselves
  fields.set("text", others.text.replace(/[{}]/g, "$&$&"));
  const asked = JSON.stringify(["POST /messages", numbers, callbackUrl ?? null, [...fields].sort()]);
  return {
    ...readImportFields(fields, "message", settings),
    workspaceId,
    numbers,
    callbackUrl: callbackUrl === undefined ? null : readCallbackUrl(callbackUrl, settings.callbackPrivateTargets === "allow"),
    claim: key === null ? null : { workspaceId, key, requestSha256: sha256(asked) },
  };
}
