// Authentication as webapi and salesapi do it: through a real rpc, and through a frozen one.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CreditNodes, startCreditNodes } from "../../testing/credit_nodes.ts";
import { openCreditClient } from "../platform/grpc.ts";
import { createAuthenticator } from "./authenticator.ts";

let nodes: CreditNodes;
beforeAll(async () => {
  nodes = await startCreditNodes({ processes: ["rpc", "webapi"] });
});
afterAll(() => nodes?.stop());

test("an address that shows unknown keys is told to wait; its good keys and other addresses go on", async () => {
  const client = openCreditClient({ address: nodes.rpcAddress, internalToken: nodes.internalToken });
  const authenticate = createAuthenticator(client);
  const good = `Bearer ${nodes.adminKey}`;
  await authenticate(good, "192.0.2.1");
  const guess = (address: string, count: number) =>
    authenticate(`Bearer guess-${count}`, address).catch(({ code, retryAfterS }) => ({ code, retryAfterS }));
  for (let count = 0; count < 600; count++) expect(await guess("192.0.2.1", count)).toMatchObject({ code: "key_invalid" });
  expect(await guess("192.0.2.1", 600)).toEqual({ code: "rate_limited", retryAfterS: expect.any(Number) });
  expect(await authenticate(good, "192.0.2.1")).toMatchObject({ workspaceId: null });
  expect(await guess("192.0.2.2", 0)).toMatchObject({ code: "key_invalid" });
  client.close();
});

test("over HTTP an address that shows unknown keys gets 429 with Retry-After", async () => {
  const statuses = new Set<number>();
  for (let count = 0; count < 700 && !statuses.has(429); count++) {
    statuses.add((await nodes.http("GET", "/keys", { key: `bk_guess_${count}` })).status);
  }
  expect([...statuses]).toEqual([401, 429]);
});

test("while rpc is frozen a key cannot be checked: service_unavailable with a time to come back, within 2 s", async () => {
  const frozen = createServer(() => {});
  frozen.listen(0, "127.0.0.1");
  await once(frozen, "listening");
  const client = openCreditClient({ address: `127.0.0.1:${(frozen.address() as AddressInfo).port}`, internalToken: "x" });
  const startedAt = performance.now();
  await expect(createAuthenticator(client)("Bearer unseen")).rejects.toMatchObject({ code: "service_unavailable", retryAfterS: 2 });
  expect(performance.now() - startedAt).toBeLessThan(1_900);
  client.close();
  frozen.close();
});

test("while only rpc's database is away, a refusal that rpc passed on keeps its Retry-After", async () => {
  const without = await startCreditNodes({
    settings: { BULKSMS_RPC_DATABASE_URL: "postgres://rpc@127.0.0.1:1/ds" },
    processes: ["rpc", "webapi"],
  });
  try {
    const refused = await without.http("GET", "/keys");
    expect(refused.body).toMatchObject({ status: 503, code: "service_unavailable" });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  } finally {
    await without.stop();
  }
});
