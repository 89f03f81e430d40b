// GET and POST /workspaces/{id}/credit, GET /workspaces/{id}/ledger.
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { formatCredits, parseCredits } from "../../contracts/credits.ts";
import { AppError, isAppError } from "../../contracts/errors.ts";
import { idempotentReplayedHeader } from "../../contracts/idempotency.ts";
import { workspaceCreditUpdate } from "../../contracts/topics.ts";
import { ledgerAnswer, type TopUpAnswer, topUpAnswer } from "../../contracts/workspaces.ts";
import { toCreditUpdate } from "../../credit/credit_update.ts";
import { type StoredAnswer, topUpByKey } from "../../credit/idempotent_top_up.ts";
import { readLedger } from "../../credit/ledger.ts";
import { topUp } from "../../credit/top_up.ts";
import { assertAmount } from "../../credit/transfers.ts";
import { type Balance, readWorkspace } from "../../credit/workspaces.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { Publisher } from "../../platform/broadcast.ts";
import type { CreditClient } from "../../platform/grpc.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { Sql } from "../../platform/postgres.ts";
import { assertMaySee, type Callers } from "./callers.ts";
import { workspaceParams } from "./workspace_routes.ts";

/**
 * rpc answers in a few ms; a caller that waits longer gets the same figures from webapi's own
 * connection.
 */
const creditDeadlineMs = 1_000;
/** A page of the ledger: 500 entries are about 150 kB. */
const ledgerPageMax = 500;
const ledgerPageDefault = 50;

export interface CreditRoutesOptions {
  sql: Sql;
  creditClient: CreditClient;
  publisher: Publisher;
  callers: Callers;
  log: Log;
  metrics: Metrics;
}

export function addCreditRoutes(app: HttpServer, options: CreditRoutesOptions): void {
  const { sql, callers, log, publisher } = options;
  const readCredit = createCreditReader(options);
  app.get(
    "/workspaces/:id/credit",
    {
      onRequest: callers.require("read"),
      schema: { tags: ["credit"], summary: "The credit now", params: workspaceParams, response: { 200: workspaceCreditUpdate } },
    },
    async (request, reply) => {
      assertMaySee(callers.of(request), request.params.id);
      return toCreditUpdate(await answerInTime(reply.elapsedTime, readCredit(request.params.id)));
    },
  );
  app.post(
    "/workspaces/:id/credit",
    {
      onRequest: callers.require("admin"),
      schema: {
        tags: ["credit"],
        summary: `Top up (scope admin). With an Idempotency-Key a repeat gets the first answer, with \`${idempotentReplayedHeader}: true\`, and adds nothing`,
        params: workspaceParams,
        headers: z.looseObject({ "idempotency-key": z.string().optional() }),
        body: z.strictObject({ amount: z.string().describe('credits, a decimal string such as "100.0"') }),
        response: { 201: topUpAnswer },
      },
    },
    async (request, reply) => {
      assertMaySee(callers.of(request), request.params.id);
      const workspaceId = request.params.id.toLowerCase();
      const amountMilli = parseAmount(request.body.amount);
      const key = parseIdempotencyKey(request.headers["idempotency-key"]);
      const answerOf = (transferId: string, balance: Balance): StoredAnswer => ({
        status: 201,
        body: { ...toCreditUpdate(balance), transfer_id: transferId, amount: formatCredits(amountMilli) },
      });
      const work =
        key === null
          ? topUpOnce(sql, { workspaceId, transferId: randomUUID(), amountMilli }, answerOf)
          : topUpByKey(sql, { workspaceId, key, amountMilli }, answerOf);
      const { answer, balance } = await answerInTime(reply.elapsedTime, work);
      if (balance === null) {
        reply.header(idempotentReplayedHeader, "true");
      } else {
        publisher.publish("workspace_credit", workspaceId, toCreditUpdate(balance));
        log.info({ event: "credit.topped_up", workspaceId, amountMilli: amountMilli.toString() });
      }
      return reply.status(answer.status as 201).send(answer.body as TopUpAnswer);
    },
  );
  addLedgerRoute(app, options);
}

function addLedgerRoute(app: HttpServer, { sql, callers }: CreditRoutesOptions): void {
  app.get(
    "/workspaces/:id/ledger",
    {
      onRequest: callers.require("read"),
      schema: {
        tags: ["credit"],
        summary: "Every movement of credit, newest first, page by page",
        params: workspaceParams,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(ledgerPageMax).default(ledgerPageDefault),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: ledgerAnswer },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      assertMaySee(callers.of(request), id);
      const read = async () => {
        await readWorkspace(sql, id);
        return readLedger(sql, id, { cursor: request.query.cursor ?? null, rowsMax: request.query.limit });
      };
      const page = await answerInTime(reply.elapsedTime, read());
      return {
        entries: page.entries.map((entry) => ({
          transfer_id: entry.transferId,
          kind: entry.kind,
          hold_id: entry.holdId,
          debit: entry.debit,
          credit: entry.credit,
          amount: formatCredits(entry.amountMilli),
          created_at: entry.createdAt,
        })),
        next_cursor: page.nextCursor,
      };
    },
  );
}

/**
 * The credit by gRPC as in the original; while rpc is silent from our own connection, so that
 * webapi goes on in its own part.
 */
function createCreditReader({ sql, creditClient, log, metrics }: CreditRoutesOptions) {
  const fallbacks = metrics.counter("credit_reads_without_rpc_total", "Reads of credit that rpc did not answer");
  return async (workspaceId: string): Promise<Pick<Balance, "workspaceId" | "availableMilli" | "heldMilli" | "spentMilli" | "version">> => {
    try {
      const { credit } = await creditClient.getWorkspaceCredit({ workspaceId }, { deadlineMs: creditDeadlineMs });
      if (credit !== undefined) return credit;
    } catch (error) {
      if (!isAppError(error, "service_unavailable", "deadline_exceeded", "draining")) throw error;
      fallbacks.inc();
      log.debug({ event: "credit.read_without_rpc", workspaceId });
    }
    return readWorkspace(sql, workspaceId);
  };
}

async function topUpOnce(
  sql: Sql,
  request: { workspaceId: string; transferId: string; amountMilli: bigint },
  answerOf: (transferId: string, balance: Balance) => StoredAnswer,
): Promise<{ answer: StoredAnswer; balance: Balance }> {
  const { balance } = await topUp(sql, request);
  return { answer: answerOf(request.transferId, balance), balance };
}

/** @throws AppError amount_invalid */
function parseAmount(text: string): bigint {
  const amountMilli = parseCredits(text);
  if (amountMilli === null) {
    throw new AppError("amount_invalid", 'Write the amount as credits with at most three decimals, for example "100.0".');
  }
  assertAmount(amountMilli);
  return amountMilli;
}

/** Null: none was sent. @throws AppError idempotency_key_invalid */
function parseIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  if (!/^[\x21-\x7e]{1,255}$/.test(header)) {
    throw new AppError("idempotency_key_invalid", "An Idempotency-Key has 1 to 255 visible ASCII characters.");
  }
  return header;
}
