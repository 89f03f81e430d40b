// The database has the states of contracts/states.ts: whatever a migration must still bring for a
// new one is red here.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../testing/sales_rows.ts";
import { anomalyKinds, bulksmsStatuses, campaignSets, messageStatuses } from "../contracts/states.ts";

let rows: SalesRows;
beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
});
afterAll(async () => {
  await rows?.close();
});

const labelsOf = async (type: string): Promise<string[]> =>
  (
    await rows.owner<{ label: string }[]>`
      select enumlabel as label from pg_enum where enumtypid = ${type}::regtype order by enumsortorder`
  ).map(({ label }) => label);

const quotedIn = (expression: string | undefined): string[] =>
  [...(expression ?? "").matchAll(/'(\w+)'::/g)].map(([, word]) => word as string);

/** Columns of the only check of a table that mentions this one. */
async function checkedWith(table: string, column: string): Promise<{ columns: string[]; definition: string }[]> {
  return rows.owner<{ columns: string[]; definition: string }[]>`
    select array(select attname::text from pg_attribute where attrelid = conrelid and attnum = any (conkey)) as columns,
      pg_get_constraintdef(oid) as definition
    from pg_constraint where conrelid = ${table}::regclass and contype = 'c'
      and (select attnum from pg_attribute where attrelid = conrelid and attname = ${column}) = any (conkey)`;
}

describe("the database has", () => {
  it("the message states and the campaign states, in the contract's order", async () => {
    expect(await labelsOf("message_status")).toEqual(messageStatuses);
    expect(await labelsOf("bulksms_status")).toEqual(bulksmsStatuses);
  });

  it("one counter per message state, of messages, from zero", async () => {
    const columns = await rows.owner<{ name: string; type: string; isNullable: string; start: string }[]>`
      select column_name as name, data_type as type, is_nullable as "isNullable", column_default as start
      from information_schema.columns where table_name = 'bulksms' and column_name = any (${messageStatuses as string[]})`;
    expect(new Set(columns.map(({ name }) => name))).toEqual(new Set(messageStatuses));
    for (const column of columns) expect(column).toMatchObject({ type: "integer", isNullable: "NO", start: "0" });
  });

  it("a check that the counters of all states, and of nothing else, add up to the contacts", async () => {
    const sums = (await checkedWith("bulksms", "contacts")).filter(({ columns }) => columns.includes("status"));
    expect(sums).toHaveLength(1);
    expect(new Set(sums[0]?.columns)).toEqual(new Set([...messageStatuses, "status", "contacts"]));
    for (const status of messageStatuses) {
      await expect(rows.insertCampaign({ contacts: 1, [status]: 1 }), status).resolves.toBeTypeOf("string");
      await expect(rows.insertCampaign({ contacts: 0, [status]: 1 }), status).rejects.toThrow("check constraint");
      await expect(rows.insertCampaign({ contacts: 0, [status]: -1 }), status).rejects.toThrow("check constraint");
    }
  });

  it("a hold in every state that cannot be without one", async () => {
    for (const status of bulksmsStatuses) {
      const inserted = rows.insertCampaign({ status, hold_id: null }).then(
        () => true,
        () => false,
      );
      if (campaignSets.held.some((held) => held === status)) expect(await inserted, status).toBe(false);
      else if (!campaignSets.holding.some((holding) => holding === status)) expect(await inserted, status).toBe(true);
    }
  });

  it("the sweeper's index over all campaigns but those that rest", async () => {
    const [index] = await rows.owner<{ predicate: string }[]>`
      select pg_get_expr(indpred, indrelid) as predicate from pg_index where indexrelid = 'bulksms_open'::regclass`;
    expect(new Set(quotedIn(index?.predicate))).toEqual(new Set(campaignSets.resting));
  });

  it("every counter open to those who move messages, and to read for the laws", async () => {
    const roles = { salesapi: ["SELECT", "UPDATE"], sales_worker: ["SELECT", "UPDATE"], check: ["SELECT"] };
    for (const [role, rights] of Object.entries(roles)) {
      for (const right of rights) {
        const [granted] = await rows.owner<{ all: boolean }[]>`
          select bool_and(has_column_privilege(${role}, 'bulksms', counter, ${right})) as all
          from unnest(${messageStatuses as string[]}::text[]) as counter`;
        expect(granted?.all, `${role} may ${right}`).toBe(true);
      }
    }
  });

  it("the kinds of anomalies, and with each the message's state", async () => {
    const [kinds] = await checkedWith("receipt_anomaly", "kind");
    expect(quotedIn(kinds?.definition)).toEqual([...anomalyKinds]);
    const [column] = await rows.owner<{ type: string }[]>`
      select udt_name as type from information_schema.columns where table_name = 'receipt_anomaly' and column_name = 'message_status'`;
    expect(column?.type).toBe("message_status");
  });
});
