// Connections to Postgres: a pool, transactions that are retried as a whole, and the meaning of its
// errors. Time limits (lock_timeout, idle_in_transaction_session_timeout, transaction_timeout) are
// settings of each role (migrate.ts).
import postgres from "postgres";
import { AppError } from "../contracts/errors.ts";
import { backoffMs, spreadBackoffMs } from "./time/backoff.ts";
import { sleep } from "./time/sleep.ts";

export type Sql = postgres.Sql<{ bigint: bigint }>;
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>;
/** For statements that may run inside a transaction or on their own. */
export type AnySql = Sql | TransactionSql;

/**
 * How long a caller of a process waits for a connection before it gets a 503, well inside the time
 * that clients are promised.
 */
const answeringConnectTimeoutS = 2;
/** Audits, migrations, the lab: a busy machine is waited for. */
const patientConnectTimeoutS = 15;
/** How often a whole transaction is tried, with growing pauses, when a retry can help. */
const transactionTriesMax = 5;
const transactionBackoff = { firstMs: 50, maxMs: 400 };
/** Reconnects soon after the server is back. */
const reconnectBackoff = { firstMs: 50, maxMs: 1_000 };

export interface PostgresOptions {
  applicationName: string;
  connections: number;
  /** Callers wait for what is read here: no connection soon is an error. */
  isAnswering?: boolean;
  /** For inherently long work (import, purge, audit); otherwise the role's limit applies. */
  statementTimeoutMs?: number;
}

export function openPostgres(url: string, options: PostgresOptions): Sql {
  return postgres(url, {
    max: options.connections,
    connect_timeout: options.isAnswering === true ? answeringConnectTimeoutS : patientConnectTimeoutS,
    idle_timeout: 60,
    backoff: (retries) => backoffMs(reconnectBackoff, retries + 1) / 1_000,
    types: { bigint: postgres.BigInt },
    onnotice: () => {},
    connection: {
      application_name: options.applicationName,
      TimeZone: "UTC",
      ...(options.statementTimeoutMs === undefined ? {} : { statement_timeout: options.statementTimeoutMs }),
    },
  }) as unknown as Sql;
}

/**
 * Runs `work` in one transaction, and again from the start if the database reports an error that a
 * retry can fix (deadlock, serialization failure, lost connection, restart). `work` must therefore
 * have no effect outside the transaction.
 * @throws AppError service_unavailable if the database does not answer
 */
export async function inTransaction<T>(
  sql: Sql,
  work: (transaction: TransactionSql) => Promise<T>,
  options: { triesMax?: number } = {},
): Promise<T> {
  const triesMax = options.triesMax ?? transactionTriesMax;
  for (let attempt = 1; ; attempt++) {
    try {
      return (await sql.begin(work)) as T;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      if (attempt >= triesMax) throw asUnavailable(error);
      await sleep(spreadBackoffMs(transactionBackoff, attempt));
    }
  }
}

/** 40001 serialization, 40P01 deadlock, 55P03 lock not available in time. */
const contentionCodes = new Set(["40001", "40P01", "55P03"]);
/**
 * 57P01 admin shutdown, 57P02 crash shutdown, 57P03 cannot connect now, 25P03 idle in transaction
 * too long, 25P04 transaction too long, 53300 too many connections.
 */
const unavailableCodes = new Set(["57P01", "57P02", "57P03", "25P03", "25P04", "53300"]);
const socketCodes = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
]);

/**
 * The database did not answer, or stopped answering: whether the statement took effect is unknown.
 */
export function isConnectionError(error: unknown): boolean {
  const code = errorCode(error);
  return code !== null && (socketCodes.has(code) || unavailableCodes.has(code) || code.startsWith("08"));
}

/**
 * Somebody else's server answers at this address: it knows neither our password nor our database.
 */
export function isForeignServer(error: unknown): boolean {
  const code = errorCode(error);
  return code === "28P01" || code === "28000" || code === "3D000";
}

/**
 * The data itself was rejected (class 22 data exception, class 23 constraint); a retry is
 * pointless.
 */
export function isDataError(error: unknown): boolean {
  const code = errorCode(error);
  return code !== null && /^2[23]/.test(code);
}

export function isRetryable(error: unknown): boolean {
  const code = errorCode(error);
  return code !== null && (contentionCodes.has(code) || isConnectionError(error));
}

/** Turns a database error into the refusal that a client may see; other errors pass unchanged. */
export function asUnavailable(error: unknown): unknown {
  return isRetryable(error)
    ? new AppError("service_unavailable", "The database does not answer.", { retryAfterS: 2, cause: error })
    : error;
}

export async function pingPostgres(sql: Sql): Promise<void> {
  await sql`select 1`;
}

export async function closePostgres(sql: Sql): Promise<void> {
  await sql.end({ timeout: 5 });
}

function errorCode(error: unknown): string | null {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
