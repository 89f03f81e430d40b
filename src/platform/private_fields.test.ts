// Internals that we read although their owner promises nothing about them: these tests fail first
// when a new version of Node or of a library changes them.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { AppError } from "../contracts/errors.ts";
import { endWithProblem } from "./bare_connections.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server whose answer the test controls, and a raw connection with one request. */
async function openExchange(): Promise<{ serverSide: Socket; response: ServerResponse; clientSide: Socket; received: () => string }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const requested = once(server, "request");
  const clientSide = connect((server.address() as AddressInfo).port, "127.0.0.1", () =>
    clientSide.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
  );
  let received = "";
  clientSide.on("data", (bytes) => {
    received += bytes;
  });
  clientSide.on("error", () => {});
  const [request, response] = await requested;
  closing.push(() => {
    clientSide.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { serverSide: request.socket, response, clientSide, received: () => received };
}

describe("_httpMessage of a server's socket (Node)", () => {
  test("is the answer under way, and tells whether its head has gone out", async () => {
    const { serverSide, response } = await openExchange();
    const { _httpMessage } = serverSide as Socket & { _httpMessage?: ServerResponse };
    expect(_httpMessage).toBe(response);
    expect(_httpMessage?.headersSent).toBe(false);
    response.write("begun");
    expect(_httpMessage?.headersSent).toBe(true);
  });

  test("so an answer that has begun is cut, with no second one behind it, and one that has not becomes a problem", async () => {
    const begun = await openExchange();
    begun.response.write("begun");
    await expect.poll(begun.received).toContain("begun");
    endWithProblem(begun.serverSide, new AppError("request_incomplete", "too slow"));
    await once(begun.clientSide, "close");
    expect(begun.received().match(/HTTP\/1\.1/g)).toHaveLength(1);

    const silent = await openExchange();
    endWithProblem(silent.serverSide, new AppError("request_incomplete", "too slow"));
    await once(silent.clientSide, "close");
    expect(silent.received()).toMatch(/^HTTP\/1\.1 408 .*request_incomplete/s);
  });
});
