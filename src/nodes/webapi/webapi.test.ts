// webapi over HTTP as its clients see it, with real rpc, Postgres and Redis.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CreditNodes, startCreditNodes } from "../../../lab/cluster/credit_nodes.ts";

let nodes: CreditNodes;
beforeAll(async () => {
  nodes = await startCreditNodes();
});
afterAll(() => nodes?.stop());

describe("a workspace", () => {
  test("starts without credit, and a top-up raises what is available", async () => {
    const made = await nodes.http("POST", "/workspaces", { body: { name: "University of Oulu" } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: "University of Oulu", credit: "0.0", available: "0.0", held: "0.0", spent: "0.0", version: 0 });
    const toppedUp = await nodes.http("POST", `/workspaces/${made.body.id}/credit`, { body: { amount: "100.0" } });
    expect(toppedUp.status).toBe(201);
    expect(toppedUp.body).toMatchObject({ workspace_id: made.body.id, credit: "100.0", amount: "100.0", version: 1 });
    const credit = await nodes.http("GET", `/workspaces/${made.body.id}/credit`);
    expect(credit.body).toMatchObject({ workspace_id: made.body.id, credit: "100.0", available: "100.0" });
  });
});
