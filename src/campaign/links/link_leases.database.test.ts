// Who may open a link, and when: a rest that the carrier asked for outlives the worker that was
// told.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { type LinkLease, releaseLink, showLinkState, takeLink } from "./link_leases.ts";

let rows: SalesRows;
let carrierId: string;
beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
  const [row] = await rows.owner<{ id: string }[]>`
    insert into carrier (name, settings, sealed_secret, state) values ('telia', '{"protocol": "smpp", "window": 4}', '\\x00', 'live') returning id`;
  carrierId = row?.id as string;
});
afterAll(async () => {
  await rows?.close();
});

const take = async (slot: number): Promise<LinkLease | null> =>
  (await takeLink(rows.sql, { carrierId, slot, window: 4, leaseMs: 10_000, mayOpen: true })).lease;
async function taken(slot: number): Promise<LinkLease> {
  const lease = await take(slot);
  if (lease === null) throw new Error("somebody else holds the link");
  return lease;
}
const link = async (slot: number) => {
  const [row] = await rows.owner`
    select state, description, extract(epoch from open_after - changed_at)::float8 as "waitsS", open_after <= now() as "isDue"
    from carrier_link where carrier_id = ${carrierId} and slot = ${slot}`;
  return row;
};
/** The process is gone without a word. */
const forget = ({ owner }: LinkLease) =>
  rows.owner`update carrier_link set lease_until = clock_timestamp() - interval '1 s' where lease_owner = ${owner}`;

describe("a link that rests", () => {
  it("says until when, also to whoever takes it over from a worker that died", async () => {
    const lease = await taken(1);
    await showLinkState(rows.sql, lease, { kind: "bound", peer: "SMSC" });
    expect(await link(1)).toMatchObject({ state: "bound", description: "", isDue: true });
    await showLinkState(rows.sql, lease, { kind: "resting", forMs: 3_600_000, reason: "the carrier throttles" });
    expect(await link(1)).toMatchObject({ state: "resting", description: "the carrier throttles", waitsS: 3_600, isDue: false });
    await forget(lease);
    expect(await take(1)).toBeNull();
    expect(await link(1)).toMatchObject({ state: "over", isDue: false });
    await rows.owner`update carrier_link set open_after = now() where carrier_id = ${carrierId}`;
    expect(await take(1)).not.toBeNull();
  });

  it("is shown to rest by its holder alone, and is free at once when that one gives it back", async () => {
    const lease = await taken(2);
    await showLinkState(rows.sql, { ...lease, owner: carrierId }, { kind: "resting", forMs: 3_600_000, reason: "forged" });
    expect(await link(2)).toMatchObject({ state: "connecting", isDue: true });
    await showLinkState(rows.sql, lease, { kind: "resting", forMs: 3_600_000, reason: "the carrier throttles" });
    await releaseLink(rows.sql, lease, { hasFailed: false, description: "closed" });
    expect(await take(2)).not.toBeNull();
  });
});
