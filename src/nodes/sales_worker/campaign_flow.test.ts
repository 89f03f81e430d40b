// A campaign through salesapi, sales_worker, rpc and general_worker on real engines, with a carrier that obeys the test.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SalesNodes, startSalesNodes } from "../../../lab/cluster/sales_nodes.ts";

let nodes: SalesNodes;
let workspace: { id: string; key: string };
const rows = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

beforeAll(async () => {
  nodes = await startSalesNodes();
  workspace = await nodes.credit.makeWorkspace("1000");
});
afterAll(() => nodes.stop());

describe("a campaign", () => {
  it("goes from create to finished, and each sent part costs 0.1 credit", async () => {
    const id = await nodes.create(workspace.key, 25, { text: "Hei {name}" });
    nodes.carrier.reject({ 7: "no_sms_service" });
    const run = await nodes.command("run", workspace.key, id);
    expect(run.status, JSON.stringify(run.body)).toBe(202);
    expect(run.body).toMatchObject({ id, status: "running", contacts: 25, cost: "2.5" });
    await nodes.campaign(id, (row) => row.queued === 24 && row.failed === 1);
    nodes.carrier.reject({});
    expect(nodes.carrier.accepted.get(`${id}.1`)?.text).toBe("Hei Student 1");

    expect((await nodes.receive(id, rows(1, 25), "sent")).status).toBe(200);
    expect((await nodes.receive(id, rows(1, 20), "delivered")).status).toBe(200);
    expect((await nodes.receive(id, rows(21, 25), "undelivered")).status).toBe(200);
    const ended = await nodes.campaign(id, (row) => row.status === "finished");
    expect(ended).toMatchObject({ delivered: 19, undelivered: 5, failed: 1, parts_sent: 24n });
    const [credit] = await nodes.credit.owner`select available, held, spent from workspace where id = ${workspace.id}`;
    expect(credit).toEqual({ available: 997_600n, held: 0n, spent: 2_400n });
    const [anomaly] = await nodes.owner`select kind, row_no from receipt_anomaly where bulksms_id = ${id}`;
    expect(anomaly).toEqual({ kind: "contradiction", row_no: 7 });
  });
});
