// The back-off of rows, computed by the database with its own clock.
import type { Sql, TransactionSql } from "./postgres.ts";
import type { Backoff } from "./time/backoff.ts";

/** Doubled more often than this, any first wait is beyond any longest one. */
const doublingsMax = 20;

/**
 * An SQL interval: `backoff.firstMs` doubled `doublings` times, at most `backoff.maxMs`, as
 * `backoffMs` of time/backoff.ts computes it for attempt `doublings` + 1.
 * @param doublings an SQL expression, a whole number from 0
 */
export function backoffInterval(sql: Sql | TransactionSql, { firstMs, maxMs, factor = 2 }: Backoff, doublings: ReturnType<Sql>) {
  return sql`least(${maxMs}::float8, ${firstMs}::float8 * power(${factor}::float8, least(${doublings}, ${doublingsMax}::int))) * interval '1 ms'`;
}
