// Nonsense sent to rpc's listener, in addition to rpc.database.test.ts: bytes that are not gRPC,
// messages that are not protobuf, strings of any characters.
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { type Client, credentials, Metadata, makeGenericClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anyText } from "../../../testing/any_text.ts";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";
import { randomRuns } from "../../../testing/random_runs.ts";
import { uuidV7 } from "../../../testing/uuid_v7.ts";
import { AddCreditRequest, GetWorkspaceCreditRequest, ReserveCreditRequest } from "../../contracts/generated/credit.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
let nodes: CreditNodes;
let client: Client;
let port: number;
let workspaceId: string;

beforeAll(async () => {
  nodes = await startCreditNodes({ processes: ["rpc", "webapi"] });
  workspaceId = (await nodes.makeWorkspace("5.0")).id;
  port = Number(nodes.rpcAddress.split(":")[1]);
  client = new (makeGenericClientConstructor({}, "Bytes"))(nodes.rpcAddress, credentials.createInsecure());
});
afterAll(async () => {
  client?.close();
  await nodes?.stop();
});

/**
 * One unary call whose message is these bytes.
 * @returns the gRPC code, and our own from the metadata
 */
function call(
  method: string,
  message: Uint8Array,
  token: string | Buffer = nodes.internalToken,
  scheme = "Bearer",
): Promise<{ code: status; errorCode: unknown }> {
  const metadata = new Metadata();
  metadata.set("authorization", `${scheme} ${token}`);
  const path = method.startsWith("/") ? method : `/bulksms.credit.v1.CreditService/${method}`;
  return new Promise((resolve) =>
    client.makeUnaryRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
      message,
      metadata,
      { deadline: Date.now() + 20_000 },
      (error: ServiceError | null) => resolve({ code: error?.code ?? status.OK, errorCode: error?.metadata.get("error-code")[0] }),
    ),
  );
}
const creditOf = async () => (await nodes.http("GET", `/workspaces/${workspaceId}`)).body;
const holds = async () => Number((await nodes.owner`select count(*)::int as n from credit_hold`)[0]?.n);

describe("a call", () => {
  test("of a method or service that is none is UNIMPLEMENTED", async () => {
    for (const path of [
      "Steal",
      "",
      "/",
      "/bulksms.credit.v2.CreditService/AddCredit",
      "/bulksms.credit.v1.CreditService/addCredit",
      "//",
    ]) {
      expect((await call(path, Buffer.alloc(0))).code, path).toBe(status.UNIMPLEMENTED);
    }
  });

  test("whose message is no protobuf is refused, moves nothing, and rpc goes on", async () => {
    const before = await creditOf();
    const nonsense = [
      Buffer.from([0xff]),
      Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), // a string of 4 GB
      Buffer.from([0x0a, 0x24, 0x61]), // one cut short
      Buffer.from([0x18, ...Array(11).fill(0xff)]), // a number of more than ten bytes
      Buffer.alloc(60_000, 0x0b), // groups in groups
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    ];
    for (const message of nonsense) {
      for (const method of ["AddCredit", "ReserveCredit", "ReleaseCredit", "GetWorkspaceCredit", "AuthenticateKey"]) {
        expect((await call(method, message)).code, `${method} ${message.toString("hex").slice(0, 30)}`).not.toBe(status.OK);
      }
    }
    expect(await creditOf()).toEqual(before);
  });

  test("with fields that it does not know, or one twice, means what protobuf says: the last", async () => {
    const request = GetWorkspaceCreditRequest.encode({ workspaceId }).finish();
    const other = GetWorkspaceCreditRequest.encode({ workspaceId: randomUUID() }).finish();
    expect((await call("GetWorkspaceCredit", Buffer.concat([request, Buffer.from([0xf8, 0x07, 0x01])]))).code).toBe(status.OK);
    expect((await call("GetWorkspaceCredit", Buffer.concat([other, request]))).code).toBe(status.OK);
    expect((await call("GetWorkspaceCredit", Buffer.concat([request, other]))).errorCode).toBe("workspace_not_found");
  });

  test("with any token but ours is UNAUTHENTICATED", async () => {
    const request = GetWorkspaceCreditRequest.encode({ workspaceId }).finish();
    for (const token of [" ", "x".repeat(5_000), `${nodes.internalToken} `.repeat(2), nodes.internalToken.toUpperCase(), nodes.adminKey]) {
      const answer = await call("GetWorkspaceCredit", request, token);
      expect([answer.code, answer.errorCode], token.slice(0, 20)).toEqual([status.UNAUTHENTICATED, "internal_token_invalid"]);
    }
  });

  test("with our token is answered however its scheme is spelt, as over HTTP and WebSocket", async () => {
    const request = GetWorkspaceCreditRequest.encode({ workspaceId }).finish();
    for (const scheme of ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])
      expect((await call("GetWorkspaceCredit", request, nodes.internalToken, scheme)).code, scheme).toBe(status.OK);
    for (const scheme of ["Basic", "Bearer Bearer", "xBearer", ""])
      expect((await call("GetWorkspaceCredit", request, nodes.internalToken, scheme)).code, scheme).toBe(status.UNAUTHENTICATED);
  });

  test(`with any strings and amounts is answered with a code of ours, and moves nothing (seed ${seed})`, async () => {
    const before = [await creditOf(), await holds()];
    const id = fc.oneof(
      fc.constantFrom(workspaceId.toUpperCase(), `{${workspaceId}}`, ` ${workspaceId}`, "00000000-0000-0000-0000-000000000000"),
      anyText({ maxLength: 40 }),
    );
    const amountMilli = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 0n }), fc.bigInt({ min: 10n ** 15n + 1n, max: 2n ** 63n - 1n }));
    const all = fc.sample(fc.tuple(id, id, amountMilli), { seed, numRuns: randomRuns(40) });
    const answers = all.flatMap(([workspace, other, amount]) => [
      call("ReserveCredit", ReserveCreditRequest.encode({ workspaceId: workspace, holdId: other, amountMilli: amount }).finish()),
      call("AddCredit", AddCreditRequest.encode({ workspaceId, transferId: uuidV7(), amountMilli: amount }).finish()),
    ]);
    for (const { errorCode } of await Promise.all(answers))
      expect(["amount_invalid", "request_invalid", "workspace_not_found"]).toContain(errorCode);
    expect([await creditOf(), await holds()]).toEqual(before);
  });
});

test("bytes that are no HTTP/2 are answered or cut off, and rpc goes on", async () => {
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const bytes = [
    Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    Buffer.from("\x16\x03\x01\x02\0\x01", "latin1"),
    Buffer.alloc(10_000, 0xff),
    Buffer.concat([preface, Buffer.alloc(100, 0xff)]),
    // a frame of 16 MB
    Buffer.concat([preface, settings, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])]),
    // invalid headers
    Buffer.concat([preface, settings, Buffer.from([0, 0, 4, 1, 5, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff])]),
    // data for a stream that was never opened
    Buffer.concat([preface, settings, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 2])]),
  ];
  for (const each of bytes) {
    const socket = connect(port, "127.0.0.1", () => socket.write(each));
    socket.on("error", () => {}); // cut off
    await new Promise((resolve) => socket.once("data", resolve).once("close", resolve));
    socket.destroy();
  }
  const answer = await call("GetWorkspaceCredit", GetWorkspaceCreditRequest.encode({ workspaceId }).finish());
  expect(answer.code).toBe(status.OK);
  const errors = nodes.logLines.map((line) => JSON.parse(line)).filter(({ event, level }) => level >= 50 && event !== "grpc.failed");
  expect(errors).toEqual([]);
});
