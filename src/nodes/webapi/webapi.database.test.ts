// webapi over HTTP as its clients see it, with real rpc, Postgres and Redis.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";
import type { HttpAnswer } from "../../../testing/node_http.ts";
import { release, reserve } from "../../credit/holds.ts";

let nodes: CreditNodes;
beforeAll(async () => {
  nodes = await startCreditNodes();
});
afterAll(() => nodes?.stop());

/** A refusal as RFC 9457 has it. */
function expectProblem(answer: HttpAnswer, status: number, code: string) {
  expect(answer.body).toMatchObject({ status, code });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
}

describe("a workspace", () => {
  test("starts without credit, and a top-up raises what is available", async () => {
    const made = await nodes.http("POST", "/workspaces", { body: { name: "University of Oulu" } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: "University of Oulu", credit: "0.0", available: "0.0", held: "0.0", spent: "0.0", version: 0 });
    expect(made.headers.get("location")).toBe(`/workspaces/${made.body.id}`);
    const toppedUp = await nodes.http("POST", `/workspaces/${made.body.id}/credit`, { body: { amount: "100.0" } });
    expect(toppedUp.status).toBe(201);
    expect(toppedUp.body).toMatchObject({ workspace_id: made.body.id, credit: "100.0", amount: "100.0", version: 1 });
    const credit = await nodes.http("GET", `/workspaces/${made.body.id}/credit`);
    expect(credit.body).toMatchObject({ workspace_id: made.body.id, credit: "100.0", available: "100.0" });
  });

  test("is seen by its own keys and the installation's; to all others there is none", async () => {
    const [mine, other] = [await nodes.makeWorkspace("5.0"), await nodes.makeWorkspace("7.0")];
    for (const path of ["", "/credit", "/ledger"]) {
      expect((await nodes.http("GET", `/workspaces/${mine.id}${path}`, { key: mine.key })).status).toBe(200);
      expectProblem(await nodes.http("GET", `/workspaces/${mine.id}${path}`, { key: other.key }), 404, "workspace_not_found");
      expectProblem(await nodes.http("GET", `/workspaces/${randomUUID()}${path}`), 404, "workspace_not_found");
    }
    expectProblem(await nodes.http("POST", `/workspaces/${randomUUID()}/credit`, { body: { amount: "1" } }), 404, "workspace_not_found");
  });

  test("shows credit as available and held", async () => {
    const { id, key } = await nodes.makeWorkspace("10.0");
    await reserve(nodes.owner, { workspaceId: id, holdId: randomUUID(), amountMilli: 2_500n });
    const { body } = await nodes.http("GET", `/workspaces/${id}/credit`, { key });
    expect(body).toEqual({ workspace_id: id, credit: "10.0", available: "7.5", held: "2.5", spent: "0.0", version: 2 });
  });
});

describe("a top-up", () => {
  test("with an Idempotency-Key is added once and answered the same; with another amount refused", async () => {
    const { id } = await nodes.makeWorkspace();
    const ask = (amount: string) =>
      nodes.http("POST", `/workspaces/${id}/credit`, { body: { amount }, headers: { "idempotency-key": "invoice-17" } });
    const first = await ask("40.5");
    expect(first.status).toBe(201);
    await nodes.http("POST", `/workspaces/${id}/credit`, { body: { amount: "1" } });
    const again = await ask("40.5");
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expectProblem(await ask("40.6"), 422, "idempotency_key_reused");
    expect((await nodes.http("GET", `/workspaces/${id}`)).body.credit).toBe("41.5");
  });

  test("with one Idempotency-Key many times at once is added once", async () => {
    const { id } = await nodes.makeWorkspace();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        nodes.http("POST", `/workspaces/${id}/credit`, { body: { amount: "3" }, headers: { "idempotency-key": "at-once" } }),
      ),
    );
    for (const answer of answers) expect([201, 409]).toContain(answer.status);
    expect((await nodes.http("GET", `/workspaces/${id}`)).body).toMatchObject({ credit: "3.0", version: 1 });
  });

  test("needs scope admin, and an amount that can be", async () => {
    const { id, key } = await nodes.makeWorkspace();
    expectProblem(await nodes.http("POST", `/workspaces/${id}/credit`, { key, body: { amount: "1" } }), 403, "scope_missing");
    for (const amount of ["0", "0.0", "-1", "1e3", "0.0001", "", "1,5", " 1", "1000000000000.001", "999999999999999"]) {
      expectProblem(await nodes.http("POST", `/workspaces/${id}/credit`, { body: { amount } }), 400, "amount_invalid");
    }
    for (const body of [{ amount: 1 }, { amount: null }, {}, [], "3"]) {
      const answer = await nodes.http("POST", `/workspaces/${id}/credit`, { body: JSON.stringify(body) });
      expectProblem(answer, 400, "request_invalid");
    }
    const badKey = { body: { amount: "1" }, headers: { "idempotency-key": "x".repeat(256) } };
    expectProblem(await nodes.http("POST", `/workspaces/${id}/credit`, badKey), 400, "idempotency_key_invalid");
    expect((await nodes.http("GET", `/workspaces/${id}`)).body.version).toBe(0);
  });
});

test("the ledger tells every movement, page by page", async () => {
  const { id, key } = await nodes.makeWorkspace("10.0");
  const holdId = randomUUID();
  await reserve(nodes.owner, { workspaceId: id, holdId, amountMilli: 2_500n });
  await release(nodes.owner, { workspaceId: id, holdId });
  const first = await nodes.http("GET", `/workspaces/${id}/ledger?limit=2`, { key });
  expect(first.body.entries).toMatchObject([
    { kind: "release", hold_id: holdId, debit: "held", credit: "available", amount: "2.5" },
    { kind: "hold", hold_id: holdId, debit: "available", credit: "held", amount: "2.5" },
  ]);
  const second = await nodes.http("GET", `/workspaces/${id}/ledger?limit=2&cursor=${first.body.next_cursor}`, { key });
  expect(second.body).toMatchObject({ entries: [{ kind: "top_up", hold_id: null, amount: "10.0" }], next_cursor: null });
  for (const query of ["limit=1000000000", "limit=0", "limit=x", "limit=-1", "cursor=%00", "cursor=abc"]) {
    expectProblem(await nodes.http("GET", `/workspaces/${id}/ledger?${query}`, { key }), 400, "request_invalid");
  }
  expectProblem(await nodes.http("GET", `/workspaces/${id}/ledger?page=2`, { key }), 422, "field_unknown");
});

describe("keys", () => {
  test("of a workspace make, list and revoke keys of their own workspace", async () => {
    const { id, key } = await nodes.makeWorkspace();
    const other = await nodes.makeWorkspace();
    const made = await nodes.http("POST", "/keys", { key, body: { name: "cron", scopes: ["read", "read"] } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: "cron", scopes: ["read"], workspace_id: id, key: expect.stringMatching(/^bk_/) });
    const listed = await nodes.http("GET", "/keys", { key: made.body.key });
    expect(listed.body.keys.map((row: { name: string }) => row.name)).toEqual(["cron", "test"]);
    expect(JSON.stringify(listed.body)).not.toContain("bk_");
    expectProblem(await nodes.http("DELETE", `/keys/${made.body.id}`, { key: made.body.key }), 403, "scope_missing");
    expectProblem(await nodes.http("DELETE", `/keys/${made.body.id}`, { key: other.key }), 404, "key_not_found");
    expect((await nodes.http("DELETE", `/keys/${made.body.id}`, { key })).status).toBe(204);
    expect((await nodes.http("GET", "/keys", { key })).body.keys).toHaveLength(1);
  });

  test("give no more than they have, and reach no other workspace", async () => {
    const { key } = await nodes.makeWorkspace();
    const other = await nodes.makeWorkspace();
    expectProblem(await nodes.http("POST", "/keys", { key, body: { name: "up", scopes: ["admin"] } }), 403, "scope_missing");
    const foreign = { name: "x", scopes: ["read"], workspace_id: other.id };
    expectProblem(await nodes.http("POST", "/keys", { key, body: foreign }), 404, "workspace_not_found");
    expectProblem(await nodes.http("GET", `/keys?workspace_id=${other.id}`, { key }), 404, "workspace_not_found");
    expectProblem(await nodes.http("POST", "/workspaces", { key, body: { name: "mine" } }), 403, "scope_missing");
  });

  test("revoke no key that may do more than they", async () => {
    const { id, key } = await nodes.makeWorkspace();
    const owner = (await nodes.http("POST", "/keys", { body: { name: "owner", scopes: ["admin"], workspace_id: id } })).body;
    expectProblem(await nodes.http("DELETE", `/keys/${owner.id}`, { key }), 403, "scope_missing");
    expect((await nodes.http("GET", "/keys", { key: owner.key })).body.keys).toHaveLength(2);
    expect((await nodes.http("DELETE", `/keys/${owner.id}`, { key: owner.key })).status).toBe(204);
  });

  test("of a workspace with scope admin rule that workspace alone", async () => {
    const { id } = await nodes.makeWorkspace();
    const other = await nodes.makeWorkspace();
    const { key } = (await nodes.http("POST", "/keys", { body: { name: "owner", scopes: ["admin"], workspace_id: id } })).body;
    expect((await nodes.http("POST", `/workspaces/${id}/credit`, { key, body: { amount: "1" } })).status).toBe(201);
    expectProblem(await nodes.http("POST", `/workspaces/${other.id}/credit`, { key, body: { amount: "1" } }), 404, "workspace_not_found");
    expectProblem(await nodes.http("POST", "/workspaces", { key, body: { name: "more" } }), 403, "scope_missing");
  });

  test("of the installation need scope admin, and name workspaces that exist", async () => {
    expectProblem(await nodes.http("POST", "/keys", { body: { name: "x", scopes: ["read"] } }), 400, "request_invalid");
    const nowhere = { name: "x", scopes: ["read"], workspace_id: randomUUID() };
    expectProblem(await nodes.http("POST", "/keys", { body: nowhere }), 404, "workspace_not_found");
    const made = await nodes.http("POST", "/keys", { body: { name: "second", scopes: ["admin"] } });
    expect(made.body).toMatchObject({ workspace_id: null });
    expect((await nodes.http("GET", "/keys", { key: made.body.key })).body.keys.length).toBeGreaterThan(1);
    expect((await nodes.http("DELETE", `/keys/${made.body.id}`)).status).toBe(204);
  });
});

describe("a bad request has a clear answer and no effect:", () => {
  test("no key, an unknown key, no Bearer", async () => {
    expectProblem(await nodes.http("POST", "/workspaces", { key: null, body: "{" }), 401, "key_missing");
    expectProblem(await nodes.http("GET", "/keys", { key: null, headers: { authorization: "Basic eDp5" } }), 401, "key_missing");
    const unknown = await nodes.http("GET", "/keys", { key: "bk_unknown" });
    expectProblem(unknown, 401, "key_invalid");
    expect(unknown.headers.get("www-authenticate")).toBe("Bearer");
    expectProblem(await nodes.http("GET", "/keys", { key: "x".repeat(5_000) }), 401, "key_missing");
  });

  test("broken JSON, an unknown field, another type, too much", async () => {
    expectProblem(await nodes.http("POST", "/workspaces", { body: "{" }), 400, "json_invalid");
    expectProblem(await nodes.http("POST", "/workspaces", { body: '{"name":"a","__proto__":{}}' }), 400, "json_invalid");
    expectProblem(await nodes.http("POST", "/workspaces", { body: { name: "a", credit: "9" } }), 422, "field_unknown");
    for (const type of ["application/xml", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const typed = { body: '{"name":"a"}', headers: { "content-type": type } };
      expectProblem(await nodes.http("POST", "/workspaces", typed), 415, "content_type_unsupported");
    }
    expectProblem(await nodes.http("POST", "/workspaces", { body: { name: "a".repeat(70_000) } }), 413, "body_too_large");
    for (const name of ["", "  ", "a\u0000b", "a\nb", 1, null, "a".repeat(201)]) {
      expectProblem(await nodes.http("POST", "/workspaces", { body: { name } }), 400, "request_invalid");
    }
    const unnamed = await nodes.http("POST", "/keys", { body: { name: "x", scopes: [] } });
    expectProblem(unnamed, 400, "request_invalid");
    expectProblem(await nodes.http("POST", "/keys", { body: { name: "x", scopes: ["root"] } }), 400, "request_invalid");
  });

  test("a cursor that no page gave, though it looks like one", async () => {
    const { id, key } = await nodes.makeWorkspace("1.0");
    for (const day of ["2026-02-30", "0000-01-01", "2026-13-01"]) {
      const cursor = Buffer.from(`${day}T00:00:00.000000Z ${randomUUID()}`).toString("base64url");
      expectProblem(await nodes.http("GET", `/workspaces/${id}/ledger?cursor=${cursor}`, { key }), 400, "request_invalid");
    }
  });

  test("a wrong method, a wrong path, an id that is none", async () => {
    const wrongMethod = await nodes.http("PUT", "/workspaces", { body: {} });
    expectProblem(wrongMethod, 405, "method_not_allowed");
    expect(wrongMethod.headers.get("allow")).toBe("POST");
    expectProblem(await nodes.http("GET", "/nowhere"), 404, "not_found");
    expectProblem(await nodes.http("GET", "/workspaces/42"), 400, "request_invalid");
    expectProblem(await nodes.http("DELETE", "/keys/42"), 400, "request_invalid");
    expectProblem(await nodes.http("GET", "/ws"), 400, "request_invalid");
  });
});

describe("while rpc is down", () => {
  test("a key that was seen goes on, its credit is read and topped up; an unseen key is told to come back", async () => {
    const { id, key } = await nodes.makeWorkspace("10.0");
    const unseen = await nodes.makeWorkspace();
    await nodes.http("GET", `/workspaces/${id}`, { key });
    await nodes.stopRpc();
    try {
      expect((await nodes.http("GET", `/workspaces/${id}/credit`, { key })).body).toMatchObject({ credit: "10.0" });
      expect((await nodes.http("POST", `/workspaces/${id}/credit`, { body: { amount: "1" } })).status).toBe(201);
      expect((await nodes.http("GET", `/workspaces/${id}`, { key })).body).toMatchObject({ credit: "11.0" });
      const refused = await nodes.http("GET", `/workspaces/${unseen.id}`, { key: unseen.key });
      expectProblem(refused, 503, "service_unavailable");
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      const ready = await nodes.http("GET", "/ready", { key: null });
      expect([ready.status, ready.body.checks]).toMatchObject([503, { postgres: "ok", redis: "ok", rpc: "silent" }]);
      expect((await nodes.http("GET", "/health", { key: null })).status).toBe(200);
    } finally {
      await nodes.startRpc();
    }
    await expect.poll(async () => (await nodes.http("GET", "/ready", { key: null })).status, { timeout: 10_000 }).toBe(200);
    expect((await nodes.http("GET", `/workspaces/${unseen.id}`, { key: unseen.key })).status).toBe(200);
  });
});

test("over its rate a key is refused with 429 and Retry-After, another key goes on", async () => {
  const limited = await startCreditNodes({ settings: { BULKSMS_REQUESTS_PER_MINUTE: "5" }, processes: ["rpc", "webapi"] });
  try {
    const { status } = (await Promise.all(Array.from({ length: 5 }, () => limited.http("GET", "/keys")))).at(-1) as HttpAnswer;
    expect(status).toBe(200);
    const refused = await limited.http("GET", "/keys");
    expectProblem(refused, 429, "rate_limited");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expectProblem(await limited.http("GET", "/keys", { key: "bk_other" }), 401, "key_invalid");
    expect((await limited.http("GET", "/health", { key: null })).status).toBe(200);
  } finally {
    await limited.stop();
  }
});

test("OpenAPI names every route, and no key is ever logged", async () => {
  const { body } = await nodes.http("GET", "/docs/json", { key: null });
  for (const path of [
    "/workspaces",
    "/workspaces/{id}",
    "/workspaces/{id}/credit",
    "/workspaces/{id}/ledger",
    "/keys",
    "/keys/{id}",
    "/ws",
  ]) {
    expect(Object.keys(body.paths)).toContain(path);
  }
  expect(nodes.logLines.length).toBeGreaterThan(10);
  expect(nodes.logLines.filter((line) => line.includes("bk_"))).toEqual([]);
});
