// The methods of CreditService (contracts/credit.proto): validate the request, call the domain,
// publish after the commit.

import { findSession } from "../../accounts/console_sessions.ts";
import { findKey } from "../../accounts/keys.ts";
import { AppError } from "../../contracts/errors.ts";
import type {
  AddCreditRequest,
  AddCreditResponse,
  AuthenticateKeyRequest,
  AuthenticateKeyResponse,
  AuthenticateSessionRequest,
  AuthenticateSessionResponse,
  CreditServiceServer,
  GetPriceListResponse,
  GetWorkspaceCreditRequest,
  GetWorkspaceCreditResponse,
  ReleaseCreditRequest,
  ReleaseCreditResponse,
  ReserveCreditRequest,
  ReserveCreditResponse,
} from "../../contracts/generated/credit.ts";
import { isUuid, isUuidV7 } from "../../contracts/ids.ts";
import { toCreditUpdate, toWorkspaceCredit } from "../../credit/credit_update.ts";
import { hasHold, release, reserve } from "../../credit/holds.ts";
import { readPriceList } from "../../credit/prices.ts";
import { topUp } from "../../credit/top_up.ts";
import { type Balance, readWorkspace } from "../../credit/workspaces.ts";
import type { Publisher } from "../../platform/broadcast.ts";
import { handleUnary } from "../../platform/grpc.ts";
import type { Log } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { asUnavailable, type Sql } from "../../platform/postgres.ts";

export interface CreditServiceOptions {
  sql: Sql;
  publisher: Publisher;
  internalToken: string;
  log: Log;
  metrics: Metrics;
}

/**
 * Every method requires the internal token. A change of credit is published on topic
 * workspace_credit after its commit.
 */
export function createCreditService(options: CreditServiceOptions): CreditServiceServer {
  const { sql, log, metrics } = options;
  const calls = metrics.counter("rpc_calls_total", "Calls answered, by method and result code", ["method", "code"]);
  const publish = (balance: Balance) => options.publisher.publish("workspace_credit", balance.workspaceId, toCreditUpdate(balance));

  const unary = <Q, A>(method: string, answer: (request: Q) => Promise<A>) =>
    handleUnary<Q, A>(options, async (request) => {
      try {
        const response = await answer(request);
        calls.inc({ method, code: "ok" });
        return response;
      } catch (raw) {
        const error = asUnavailable(raw);
        calls.inc({ method, code: error instanceof AppError ? error.code : "internal" });
        throw error;
      }
    });

  return {
    getWorkspaceCredit: unary("GetWorkspaceCredit", async (request: GetWorkspaceCreditRequest): Promise<GetWorkspaceCreditResponse> => {
      assertUuid("workspace_id", request.workspaceId);
      return { credit: toWorkspaceCredit(await readWorkspace(sql, request.workspaceId)) };
    }),
    reserveCredit: unary("ReserveCredit", async (request: ReserveCreditRequest): Promise<ReserveCreditResponse> => {
      assertUuid("workspace_id", request.workspaceId);
      await assertHoldId(sql, request.holdId);
      const { existed, balance } = await reserve(sql, request);
      if (!existed) publish(balance);
      return { existed, credit: toWorkspaceCredit(balance) };
    }),
    releaseCredit: unary("ReleaseCredit", async (request: ReleaseCreditRequest): Promise<ReleaseCreditResponse> => {
      assertUuid("workspace_id", request.workspaceId);
      await assertHoldId(sql, request.holdId);
      const { releasedMilli, settledMilli, balance } = await release(sql, request);
      if (balance !== null) publish(balance);
      return { releasedMilli, settledMilli };
    }),
    addCredit: unary("AddCredit", async (request: AddCreditRequest): Promise<AddCreditResponse> => {
      assertUuid("workspace_id", request.workspaceId);
      assertUuidV7("transfer_id", request.transferId);
      const { existed, balance } = await topUp(sql, request);
      if (!existed) {
        log.info({ event: "credit.topped_up", workspaceId: request.workspaceId, amountMilli: request.amountMilli.toString() });
        publish(balance);
      }
      return { existed, credit: toWorkspaceCredit(balance) };
    }),
    getPriceList: unary("GetPriceList", async (): Promise<GetPriceListResponse> => {
      const { version, prices } = await readPriceList(sql);
      return { version, prices: [...prices] };
    }),
    authenticateKey: unary("AuthenticateKey", async (request: AuthenticateKeyRequest): Promise<AuthenticateKeyResponse> => {
      const key = await findKey(sql, request.keySha256);
      return { keyId: key.id, workspaceId: key.workspaceId ?? "", scopes: key.scopes };
    }),
    authenticateSession: unary("AuthenticateSession", async (request: AuthenticateSessionRequest): Promise<AuthenticateSessionResponse> => {
      const { id, workspaceId, scopes, seesSystem } = await findSession(sql, request.sessionSha256);
      return { sessionId: id, workspaceId, scopes, seesSystem };
    }),
  };
}

/**
 * Requires a UUIDv7, unless ds already has a hold with that id: holds from before this check can
 * still be requested and released.
 */
async function assertHoldId(sql: Sql, holdId: string): Promise<void> {
  if (!isUuidV7(holdId) && !(isUuid(holdId) && (await hasHold(sql, holdId)))) assertUuidV7("hold_id", holdId);
}

function assertUuidV7(field: string, value: string): void {
  if (!isUuidV7(value)) throw new AppError("request_invalid", `${field} is not a UUIDv7.`, { details: { field } });
}

function assertUuid(field: string, value: string): void {
  if (!isUuid(value)) throw new AppError("request_invalid", `${field} is not a UUID.`, { details: { field } });
}
