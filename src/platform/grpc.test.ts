import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { CreditServiceService } from "../contracts/generated/credit.ts";
import { openCreditClient, startGrpcServer } from "./grpc.ts";
import { createLog } from "./log.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const openClient = (port: number) => {
  const client = openCreditClient({ address: `127.0.0.1:${port}`, internalToken: "token" });
  closing.push(client.close);
  return client;
};

test("a server that lives answers a ping", async () => {
  const server = await startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [
      { name: "bulksms.credit.v1.CreditService", definition: CreditServiceService, implementation: {}, protoFile: "credit.proto" },
    ],
    log: createLog("test", { level: "fatal", format: "json" }),
  });
  closing.push(() => server.stop(100));
  await openClient(server.port).ping();
});

test("a server that takes connections and calls but never answers fails a ping within about a second, and a call at its deadline", async () => {
  const frozen: Http2Server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  frozen.on("session", (session) => sessions.add(session));
  frozen.on("stream", (stream) => stream.on("error", () => {}));
  await new Promise<void>((resolve) => frozen.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const session of sessions) session.destroy();
    frozen.close();
  });
  const client = openClient((frozen.address() as AddressInfo).port);
  const startedAt = performance.now();
  await expect(client.ping()).rejects.toThrow(/DEADLINE_EXCEEDED/);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  await expect(client.getWorkspaceCredit({ workspaceId: "x" }, { deadlineMs: 50 })).rejects.toMatchObject({ code: "deadline_exceeded" });
});

test("nobody there is service_unavailable with a time to retry", async () => {
  await expect(openClient(1).getWorkspaceCredit({ workspaceId: "x" })).rejects.toMatchObject({
    code: "service_unavailable",
    retryAfterS: 2,
  });
});
