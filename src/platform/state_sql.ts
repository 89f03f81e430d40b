// The sets of contracts/states.ts as SQL: constants in the statement's text, not parameters, so
// that partial indexes apply and one plan serves all executions.
import { type BulksmsStatus, firstFinalStatus, type MessageStatus, messageStatuses } from "../contracts/states.ts";
import type { AnySql } from "./postgres.ts";

type Status = MessageStatus | BulksmsStatus;

/** `b.status in ('running', 'paused')`. */
export function statusIn(sql: AnySql, column: string, statuses: readonly Status[]) {
  return sql.unsafe(`${column} in (${quoted(statuses)})`);
}

/** `b.status not in ('running', 'paused')`. */
export function statusNotIn(sql: AnySql, column: string, statuses: readonly Status[]) {
  return sql.unsafe(`${column} not in (${quoted(statuses)})`);
}

/** The message is open: it may still change. */
export function isOpenSql(sql: AnySql, column: string) {
  return sql.unsafe(`${column} < '${firstFinalStatus}'`);
}

/** The message is final. */
export function isFinalSql(sql: AnySql, column: string) {
  return sql.unsafe(`${column} >= '${firstFinalStatus}'`);
}

/** The sum of a campaign's counters of these states: `(b.queued + b.sent)`. */
export function sumOfCounters(sql: AnySql, alias: string, statuses: readonly MessageStatus[]) {
  return sql.unsafe(`(${statuses.map((status) => `${alias}.${status}`).join(" + ")})`);
}

/** All counters of a campaign as one JSON object, by state. */
export function countersObject(sql: AnySql, alias: string) {
  return sql.unsafe(`json_build_object(${messageStatuses.map((status) => `'${status}', ${alias}.${status}`).join(", ")})`);
}

/** One term per state, joined by commas: columns of a select, assignments of an update. */
export function perStatus(sql: AnySql, statuses: readonly MessageStatus[], term: (status: MessageStatus) => string) {
  return sql.unsafe(statuses.map(term).join(", "));
}

/** `'sent', 'delivered'`: for comparisons with something other than a column. */
export const statusList = (sql: AnySql, statuses: readonly Status[]) => sql.unsafe(quoted(statuses));

const quoted = (statuses: readonly Status[]): string => statuses.map((status) => `'${status}'`).join(", ");
