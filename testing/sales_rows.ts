// Campaigns as rows of a fresh salesdb, for tests of one statement of src/campaign: no import, no
// HTTP, no other process.
import { randomUUID } from "node:crypto";
import { closePostgres, openPostgres, type Sql } from "../src/platform/postgres.ts";
import { createTestDatabase } from "./engines.ts";

export interface SalesRows {
  owner: Sql;
  /** As the role whose process runs the statement. */
  sql: Sql;
  /** A campaign that runs under a hold of its own; `more` are columns over that. @returns its id */
  insertCampaign(more?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

export async function openSalesRows(role: "salesapi" | "sales_worker"): Promise<SalesRows> {
  const database = await createTestDatabase("salesdb");
  const owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 2 });
  const sql = openPostgres(database.urls[role] as string, { applicationName: "test", connections: 6 });
  return {
    owner,
    sql,
    async insertCampaign(more = {}) {
      const id = randomUUID();
      const campaign = { id, workspace_id: randomUUID(), name: "Test", sender: "Test", text: "Hello", country: "FI", deadline_s: 100 };
      await owner`insert into bulksms ${owner({ ...campaign, status: "running", price: 100, price_version: 1, hold_id: randomUUID(), ...more })}`;
      return id;
    },
    async close() {
      await Promise.all([closePostgres(sql), closePostgres(owner)]);
      await database.drop();
    },
  };
}
