// A new campaign's id. Called by the import.
import type { Sql } from "../../platform/postgres.ts";

/**
 * A UUIDv7 (RFC 9562) of the database: ids sort by time and new rows stand together in every index.
 * Its clock is one for all processes; one of theirs that is wrong would put ids out of order.
 */
export async function newBulksmsId(sql: Sql): Promise<string> {
  const [made] = await sql<[{ id: string }]>`select uuidv7() as id`;
  return made.id;
}
