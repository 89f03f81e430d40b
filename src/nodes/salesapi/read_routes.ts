// GET /bulksms...: campaigns, their messages, their exports; and the progress snapshot that webapi
// asks for.
import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import { listAnomalies, readStatistics } from "../../campaign/reads/campaign_figures.ts";
import { listBulksms, listMessages, readBulksms, readProgress } from "../../campaign/reads/campaign_reads.ts";
import { exportRejects, exportReport } from "../../campaign/reads/exports.ts";
import { readMessageTimeline } from "../../campaign/reads/message_timeline.ts";
import { toUpdate } from "../../campaign/reads/progress.ts";
import { anomaliesAnswer, messagesPage, messageTimelineAnswer, progressAnswer, statisticsAnswer } from "../../contracts/campaign_reads.ts";
import { AppError } from "../../contracts/errors.ts";
import { bulksmsAnswer, bulksmsKinds, bulksmsPage } from "../../contracts/http.ts";
import { isUuid } from "../../contracts/ids.ts";
import { rowNoMax } from "../../contracts/receipts.ts";
import { bulksmsStatuses, shownStates } from "../../contracts/states.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import { createInternalTokenCheck } from "../../platform/internal_token.ts";
import type { Sql } from "../../platform/postgres.ts";
import type { SalesCallers } from "./sales_callers.ts";

export interface ReadDependencies {
  sql: Sql;
  callers: SalesCallers;
  internalToken: string;
}

/** Rows of one page: an answer of some 200 kB at most. */
const pageRowsMax = 1_000;
const pageRowsDefault = 100;
/** Campaigns include their text, up to 2 kB each. */
const pageCampaignsMax = 200;
const pageCampaignsDefault = 50;

const pageOf = (max: number, otherwise: number) => z.coerce.number().int().min(1).max(max).default(otherwise);
/** `?status=sent,delivered` */
const statusFilter = z
  .string()
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(shownStates)).min(1).max(shownStates.length))
  .optional();

/** Of a number, without spaces or plus. */
const digits = z
  .string()
  .regex(/^\d{1,15}$/, "must be 1 to 15 digits")
  .optional();
/** The row and the receipt of the last one seen. */
const anomalyCursor = z
  .string()
  .max(300)
  .regex(/^\d{1,9}:./, "must be a next_cursor")
  .transform((text) => ({ rowNo: Number(text.slice(0, text.indexOf(":"))), receiptId: text.slice(text.indexOf(":") + 1) }))
  .optional();

/** An invalid id names no campaign: 404, like another workspace's. */
function campaignId(request: { params: { id: string } }): string {
  if (!isUuid(request.params.id)) throw new AppError("bulksms_not_found", "There is no such campaign in your workspace.");
  return request.params.id.toLowerCase();
}

const tags = ["campaigns"];
const params = z.object({ id: z.string() });

export function readRoutes(app: HttpServer, dependencies: ReadDependencies): void {
  campaignRoutes(app, dependencies);
  messageRoutes(app, dependencies);
  figureRoutes(app, dependencies);
  exportRoutes(app, dependencies);
  progressRoute(app, dependencies);
}

function campaignRoutes(app: HttpServer, { sql, callers }: ReadDependencies): void {
  const onRequest = callers.require("read");
  app.get(
    "/bulksms",
    {
      onRequest,
      schema: {
        tags,
        summary: "Campaigns, newest first",
        querystring: z.strictObject({
          limit: pageOf(pageCampaignsMax, pageCampaignsDefault),
          cursor: z.uuid().optional(),
          status: z.enum(bulksmsStatuses).optional(),
          kind: z.enum(bulksmsKinds).default("campaign").describe("campaigns from files, or single texts"),
        }),
        response: { 200: bulksmsPage },
      },
    },
    (request, reply) => {
      const { limit, cursor, status, kind } = request.query;
      return answerInTime(reply.elapsedTime, listBulksms(sql, callers.workspaceOf(request), { limit, cursor, status, kind }));
    },
  );
  app.get(
    "/bulksms/:id",
    { onRequest, schema: { tags, summary: "One campaign", params, response: { 200: bulksmsAnswer } } },
    (request, reply) => answerInTime(reply.elapsedTime, readBulksms(sql, callers.workspaceOf(request), campaignId(request))),
  );
}

function messageRoutes(app: HttpServer, { sql, callers }: ReadDependencies): void {
  const onRequest = callers.require("read");
  app.get(
    "/bulksms/:id/messages",
    {
      onRequest,
      schema: {
        tags,
        summary:
          "Messages of a campaign, in the order of its file. With a filter a page may be short while next_cursor is not null: keep following it",
        params,
        querystring: z.strictObject({
          limit: pageOf(pageRowsMax, pageRowsDefault),
          cursor: z.coerce.number().int().min(0).max(rowNoMax).default(0).describe("row_no of the last one seen"),
          status: statusFilter.describe(
            "one or more states, separated by commas; unconfirmed: of those expired, what was sent to where no receipt comes from; expired: the others",
          ),
          number_prefix: digits.describe("what the number begins with, without its plus"),
          number_suffix: digits.describe("what the number ends with"),
        }),
        response: { 200: messagesPage },
      },
    },
    (request, reply) => {
      const { limit, cursor, status: statuses, number_prefix: numberPrefix, number_suffix: numberSuffix } = request.query;
      const page = { limit, cursor, statuses, numberPrefix, numberSuffix };
      return answerInTime(reply.elapsedTime, listMessages(sql, callers.workspaceOf(request), campaignId(request), page));
    },
  );
  app.get(
    "/bulksms/:id/messages/:row_no",
    {
      onRequest,
      schema: {
        tags,
        summary: "One message: every step of its timeline, and why it was charged",
        params: z.object({ id: z.string(), row_no: z.string() }),
        response: { 200: messageTimelineAnswer },
      },
    },
    (request, reply) => {
      const bulksmsId = campaignId(request);
      const rowNo = Number(request.params.row_no);
      if (!/^\d{1,10}$/.test(request.params.row_no) || rowNo < 1 || rowNo > rowNoMax) {
        throw new AppError("message_not_found", "The campaign has no such row.");
      }
      return answerInTime(reply.elapsedTime, readMessageTimeline(sql, callers.workspaceOf(request), bulksmsId, rowNo));
    },
  );
}

function figureRoutes(app: HttpServer, { sql, callers }: ReadDependencies): void {
  const onRequest = callers.require("read");
  app.get(
    "/bulksms/:id/statistics",
    {
      onRequest,
      schema: {
        tags,
        summary: "Reasons of failure and latencies, of a sample of 5,000 messages at most",
        params,
        response: { 200: statisticsAnswer },
      },
    },
    (request, reply) => answerInTime(reply.elapsedTime, readStatistics(sql, callers.workspaceOf(request), campaignId(request))),
  );
  app.get(
    "/bulksms/:id/anomalies",
    {
      onRequest,
      schema: {
        tags,
        summary: "What the carrier reported that no message could accept, by row",
        params,
        querystring: z.strictObject({ limit: pageOf(pageRowsMax, pageRowsDefault), cursor: anomalyCursor }),
        response: { 200: anomaliesAnswer },
      },
    },
    (request, reply) => {
      const { limit, cursor } = request.query;
      return answerInTime(reply.elapsedTime, listAnomalies(sql, callers.workspaceOf(request), campaignId(request), { limit, cursor }));
    },
  );
}

function exportRoutes(app: HttpServer, { sql, callers }: ReadDependencies): void {
  const onRequest = callers.require("read");
  app.get(
    "/bulksms/:id/report.csv",
    { onRequest, schema: { tags, summary: "Every message with its line of the file, its state and why, as CSV", params } },
    async (request, reply) =>
      sendCsv(
        reply,
        `report_${request.params.id}.csv`,
        await answerInTime(reply.elapsedTime, exportReport(sql, callers.workspaceOf(request), campaignId(request))),
      ),
  );
  app.get(
    "/bulksms/:id/rejects.csv",
    { onRequest, schema: { tags, summary: "Rows that could not be texted, with their own cells, why, and what to do, as CSV", params } },
    async (request, reply) =>
      sendCsv(
        reply,
        `rejects_${request.params.id}.csv`,
        await answerInTime(reply.elapsedTime, exportRejects(sql, callers.workspaceOf(request), campaignId(request))),
      ),
  );
}

/** The snapshot that webapi asks for. */
function progressRoute(app: HttpServer, { sql, internalToken }: ReadDependencies): void {
  const isOurs = createInternalTokenCheck(internalToken);
  app.get(
    "/internal/progress/:id",
    {
      onRequest: async ({ headers }) => {
        if (!isOurs(headers.authorization)) throw new AppError("internal_token_invalid", "This path is for processes of this system.");
      },
      config: { rateLimit: false },
      schema: { hide: true, params, response: { 200: progressAnswer } },
    },
    async (request, reply) => {
      const progress = await answerInTime(reply.elapsedTime, readProgress(sql, campaignId(request)));
      return { workspace_id: progress.workspaceId, update: toUpdate(progress) };
    },
  );
}

/** Streamed: the client's pace is the pace of the reads. */
function sendCsv(reply: FastifyReply, fileName: string, lines: AsyncIterable<string>) {
  return reply
    .type("text/csv; charset=utf-8")
    .header("content-disposition", `attachment; filename="${fileName}"`)
    .send(Readable.from(lines, { objectMode: true, highWaterMark: 1 }));
}
