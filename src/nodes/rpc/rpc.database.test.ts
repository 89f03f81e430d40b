// rpc as any gRPC client sees it: a plain grpc-js client that knows only the .proto file.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath as healthProto } from "grpc-health-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";
import { uuidV7 } from "../../../testing/uuid_v7.ts";
import { createKey, revokeKey } from "../../accounts/keys.ts";
import { workspaceCreditUpdate } from "../../contracts/topics.ts";
import { reserve } from "../../credit/holds.ts";
import { deriveTransferId } from "../../credit/transfers.ts";
import { openSubscriber } from "../../platform/broadcast.ts";
import { openCreditClient } from "../../platform/grpc.ts";
import { sha256 } from "../../platform/sha256.ts";

let nodes: CreditNodes;
let client: Client;
beforeAll(async () => {
  nodes = await startCreditNodes({ processes: ["rpc", "webapi"] });
  const proto = join(dirname(fileURLToPath(import.meta.url)), "../../contracts/credit.proto");
  client = connect(proto, "bulksms.credit.v1.CreditService");
});
afterAll(async () => {
  client?.close();
  await nodes?.stop();
});

function connect(proto: string, service: string): Client {
  const loaded = loadPackageDefinition(loadSync(proto, { longs: String, enums: String, keepCase: true, defaults: true }));
  // biome-ignore lint/suspicious/noExplicitAny: a package definition is a tree of names
  const Service = service.split(".").reduce((tree: any, name) => tree[name], loaded);
  return new Service(nodes.rpcAddress, credentials.createInsecure());
}

/** The answer, or the error, of one unary call. */
// biome-ignore lint/suspicious/noExplicitAny: a plain client has no types
function call(of: Client, method: string, request: object, token: string | null = nodes.internalToken): Promise<any> {
  const metadata = new Metadata();
  if (token !== null) metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve) => {
    // biome-ignore lint/suspicious/noExplicitAny: a plain client has no types
    (of as any)[method](request, metadata, { deadline: Date.now() + 5_000 }, (error: ServiceError | null, answer: unknown) =>
      resolve(error ?? answer),
    );
  });
}
const credit = (method: string, request: object, token?: string | null) => call(client, method, request, token);
const refusal = (code: status, errorCode: string) => (error: ServiceError) => {
  expect(error.code, String(error)).toBe(code);
  expect(error.metadata.get("error-code")).toEqual([errorCode]);
};

describe("CreditService", () => {
  test("reserves and releases, exactly once by the hold's id", async () => {
    const { id } = await nodes.makeWorkspace("10.0");
    const hold = { workspace_id: id, hold_id: uuidV7(), amount_milli: "4000" };
    expect(await credit("ReserveCredit", hold)).toMatchObject({
      existed: false,
      credit: { workspace_id: id, available_milli: "6000", held_milli: "4000", spent_milli: "0", version: "2" },
    });
    expect(await credit("ReserveCredit", hold)).toMatchObject({ existed: true, credit: { version: "2" } });
    await credit("ReserveCredit", { ...hold, amount_milli: "4001" }).then(refusal(status.ALREADY_EXISTS, "hold_conflict"));
    expect(await credit("ReleaseCredit", hold)).toEqual({ released_milli: "4000", settled_milli: "0" });
    expect(await credit("ReleaseCredit", hold)).toEqual({ released_milli: "0", settled_milli: "0" });
    await credit("ReserveCredit", hold).then(refusal(status.FAILED_PRECONDITION, "hold_closed"));
    expect(await credit("GetWorkspaceCredit", { workspace_id: id })).toMatchObject({ credit: { available_milli: "10000", version: "3" } });
  });

  test("says how much is needed and available when credit is short, also on the repeat", async () => {
    const { id } = await nodes.makeWorkspace("1.0");
    const hold = { workspace_id: id, hold_id: uuidV7(), amount_milli: "1001" };
    for (let time = 0; time < 2; time++) {
      const error = await credit("ReserveCredit", hold);
      refusal(status.FAILED_PRECONDITION, "insufficient_credit")(error);
      expect(JSON.parse(error.metadata.get("error-details")[0])).toEqual({ needed_milli: "1001", available_milli: "1000" });
    }
  });

  test("adds credit once by the transfer's id", async () => {
    const { id } = await nodes.makeWorkspace();
    const transfer = { workspace_id: id, transfer_id: uuidV7(), amount_milli: "250" };
    expect(await credit("AddCredit", transfer)).toMatchObject({ existed: false, credit: { available_milli: "250" } });
    expect(await credit("AddCredit", transfer)).toMatchObject({ existed: true, credit: { available_milli: "250" } });
    await credit("AddCredit", { ...transfer, amount_milli: "251" }).then(refusal(status.ALREADY_EXISTS, "transfer_conflict"));
  });

  test("tells whose key it is by the key's hash, and refuses an unknown one", async () => {
    const { id, key } = await nodes.makeWorkspace();
    const ofWorkspace = await credit("AuthenticateKey", { key_sha256: sha256(key).toString("hex") });
    expect(ofWorkspace).toMatchObject({ workspace_id: id, scopes: ["send", "read"] });
    const ofInstallation = await credit("AuthenticateKey", { key_sha256: sha256(nodes.adminKey).toString("hex") });
    expect(ofInstallation).toMatchObject({ workspace_id: "", scopes: ["admin"] });
    for (const wrong of ["", "not hex", key, sha256("another").toString("hex")]) {
      await credit("AuthenticateKey", { key_sha256: wrong }).then(refusal(status.UNAUTHENTICATED, "key_invalid"));
    }
    const revoked = await createKey(nodes.owner, { workspaceId: id, name: "to revoke", scopes: ["read"] });
    await revokeKey(nodes.owner, revoked.id, id);
    await credit("AuthenticateKey", { key_sha256: sha256(revoked.key).toString("hex") }).then(
      refusal(status.UNAUTHENTICATED, "key_invalid"),
    );
  });

  test("publishes a change of credit after its commit", async () => {
    const { id } = await nodes.makeWorkspace("5.0");
    const updates: unknown[] = [];
    const subscriber = openSubscriber({
      redisUrl: nodes.redis.url,
      namespace: nodes.redis.namespace,
      onUpdate: (_topic, _channel, update) => updates.push(update),
      onReconnect: () => {},
    });
    subscriber.subscribe("workspace_credit", id);
    const holdId = uuidV7();
    await expect
      .poll(async () => {
        await credit("AddCredit", { workspace_id: id, transfer_id: uuidV7(), amount_milli: "1" });
        return updates.length;
      })
      .toBeGreaterThan(0);
    await credit("ReserveCredit", { workspace_id: id, hold_id: holdId, amount_milli: "2000" });
    await expect.poll(() => updates.map((update) => workspaceCreditUpdate.parse(update).held)).toContain("2.0");
    subscriber.close();
  });
});

describe("a bad call has a clear answer and no effect:", () => {
  test("no token, or a wrong one", async () => {
    const { id } = await nodes.makeWorkspace("5.0");
    for (const token of [null, "", "wrong", `${nodes.internalToken}x`]) {
      for (const method of ["GetWorkspaceCredit", "ReserveCredit", "ReleaseCredit", "AddCredit", "AuthenticateKey"]) {
        const request = method === "AuthenticateKey" ? {} : { workspace_id: id, hold_id: uuidV7(), transfer_id: uuidV7() };
        await credit(method, request, token).then(refusal(status.UNAUTHENTICATED, "internal_token_invalid"));
      }
    }
    expect((await nodes.http("GET", `/workspaces/${id}`)).body).toMatchObject({ credit: "5.0", version: 1 });
  });

  test("an unknown workspace", async () => {
    const request = { workspace_id: randomUUID(), hold_id: uuidV7(), transfer_id: uuidV7(), amount_milli: "1" };
    for (const method of ["GetWorkspaceCredit", "ReserveCredit", "ReleaseCredit", "AddCredit"]) {
      await credit(method, request).then(refusal(status.NOT_FOUND, "workspace_not_found"));
    }
  });

  test("an amount of zero, less, or too much", async () => {
    const { id } = await nodes.makeWorkspace("5.0");
    for (const amount_milli of ["0", "-1", "-9223372036854775808", "9223372036854775807", "1000000000000001"]) {
      const request = { workspace_id: id, hold_id: uuidV7(), transfer_id: uuidV7(), amount_milli };
      await credit("ReserveCredit", request).then(refusal(status.INVALID_ARGUMENT, "amount_invalid"));
      await credit("AddCredit", request).then(refusal(status.INVALID_ARGUMENT, "amount_invalid"));
    }
    expect(await nodes.owner`select id from credit_hold where workspace_id = ${id}`).toHaveLength(0);
  });

  test("an id that is no UUID", async () => {
    const { id } = await nodes.makeWorkspace("5.0");
    const request = { workspace_id: id, hold_id: uuidV7(), transfer_id: uuidV7(), amount_milli: "1" };
    for (const wrong of ["", "42", "../../etc", `${randomUUID()}0`, "\u0000".repeat(36)]) {
      await credit("GetWorkspaceCredit", { workspace_id: wrong }).then(refusal(status.INVALID_ARGUMENT, "request_invalid"));
      await credit("ReserveCredit", { ...request, hold_id: wrong }).then(refusal(status.INVALID_ARGUMENT, "request_invalid"));
      await credit("ReleaseCredit", { ...request, hold_id: wrong }).then(refusal(status.INVALID_ARGUMENT, "request_invalid"));
      await credit("AddCredit", { ...request, transfer_id: wrong }).then(refusal(status.INVALID_ARGUMENT, "request_invalid"));
    }
  });

  test("a hold or transfer whose id is a UUID, but not of version 7", async () => {
    const { id } = await nodes.makeWorkspace("5.0");
    const request = { workspace_id: id, hold_id: uuidV7(), transfer_id: uuidV7(), amount_milli: "1" };
    const versions = [..."012345689abcdef"].map((version) => uuidV7().replace(/^(.{14})7/, `$1${version}`));
    const variants = [..."01234567cdef"].map((variant) => uuidV7().replace(/^(.{19})./, `$1${variant}`));
    const derived = deriveTransferId("hold", uuidV7());
    const nil = "00000000-0000-0000-0000-000000000000";
    for (const wrong of [nil, "ffffffff-ffff-ffff-ffff-ffffffffffff", randomUUID(), derived, ...versions, ...variants]) {
      const answers = await Promise.all([
        credit("ReserveCredit", { ...request, hold_id: wrong }),
        credit("ReleaseCredit", { ...request, hold_id: wrong }),
        credit("AddCredit", { ...request, transfer_id: wrong }),
      ]);
      for (const answer of answers) refusal(status.INVALID_ARGUMENT, "request_invalid")(answer);
    }
    expect(await nodes.owner`select id from credit_hold where workspace_id = ${id}`).toHaveLength(0);
    expect((await nodes.http("GET", `/workspaces/${id}`)).body).toMatchObject({ credit: "5.0", version: 1 });
    expect(await credit("ReserveCredit", { ...request, hold_id: uuidV7().toUpperCase() })).toMatchObject({ existed: false });
  });

  test("a hold that ds already has under another id is still asked for and given back", async () => {
    const { id } = await nodes.makeWorkspace("5.0");
    const holdId = randomUUID();
    await reserve(nodes.owner, { workspaceId: id, holdId, amountMilli: 2_000n });
    const hold = { workspace_id: id, hold_id: holdId, amount_milli: "2000" };
    expect(await credit("ReserveCredit", hold)).toMatchObject({ existed: true });
    expect(await credit("ReleaseCredit", hold)).toEqual({ released_milli: "2000", settled_milli: "0" });
  });

  test("a message far too large", async () => {
    expect(await credit("AuthenticateKey", { key_sha256: "a".repeat(200_000) })).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });
});

describe("the standard services answer without a token:", () => {
  test("health", async () => {
    const health = connect(healthProto, "grpc.health.v1.Health");
    expect(await call(health, "Check", {}, null)).toMatchObject({ status: "SERVING" });
    expect(await call(health, "Check", { service: "bulksms.credit.v1.CreditService" }, null)).toMatchObject({ status: "SERVING" });
    expect(await call(health, "Check", { service: "no.such" }, null)).toMatchObject({ code: status.NOT_FOUND });
    health.close();
  });

  test("reflection names the credit service", async () => {
    const folder = dirname(createRequire(import.meta.url).resolve("@grpc/reflection/package.json"));
    const proto = join(folder, "build/proto/grpc/reflection/v1/reflection.proto");
    const reflection = connect(proto, "grpc.reflection.v1.ServerReflection");
    const names = await new Promise<string[]>((resolve, reject) => {
      // biome-ignore lint/suspicious/noExplicitAny: a plain client has no types
      const stream = (reflection as any).ServerReflectionInfo();
      stream.on("error", reject);
      stream.on("data", (answer: { list_services_response: { service: { name: string }[] } }) => {
        resolve(answer.list_services_response.service.map((service) => service.name));
        stream.end();
      });
      stream.write({ list_services: "" });
    });
    expect(names).toContain("bulksms.credit.v1.CreditService");
    reflection.close();
  });
});

test("our own client hears of rpc's death in time, and finds it again", async () => {
  const { id } = await nodes.makeWorkspace("5.0");
  const ours = openCreditClient({ address: nodes.rpcAddress, internalToken: nodes.internalToken });
  await ours.getWorkspaceCredit({ workspaceId: id });
  await nodes.stopRpc();
  const startedAt = performance.now();
  await expect(ours.getWorkspaceCredit({ workspaceId: id })).rejects.toMatchObject({
    code: expect.stringMatching(/service_unavailable|deadline_exceeded/),
  });
  expect(performance.now() - startedAt).toBeLessThan(4_000);
  await nodes.startRpc();
  await expect
    .poll(() => ours.getWorkspaceCredit({ workspaceId: id }).then(({ credit }) => credit?.availableMilli), { timeout: 10_000 })
    .toBe(5_000n);
  ours.close();
});
