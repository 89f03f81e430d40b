import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { openReceiverClient, type ReceiverClient } from "./receiver_client.ts";

let server: Server | null = null;
let client: ReceiverClient | null = null;
afterEach(async () => {
  await client?.close();
  server?.closeAllConnections();
  server?.close();
});

async function listen(answer: (body: string) => Promise<{ status: number; headers?: Record<string, string> }>, port = 0): Promise<number> {
  server = createServer(async (request, response) => {
    const { status, headers } = await answer(await text(request));
    response.writeHead(status, headers).end();
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}
const urlOf = (port: number) => `http://127.0.0.1:${port}/receipts/simulated?x=1`;
const post = (body: string) => (client as ReceiverClient).post({ "content-type": "application/json" }, Buffer.from(body));

test.each([1, 2, 64])(
  "a receiver that is away is no answer, however often it is asked, and is found when it is back (%i on a connection)",
  async (pipelining) => {
    const port = await listen(async () => ({ status: 200 }));
    server?.close();
    await once(server as Server, "close");
    client = openReceiverClient(urlOf(port), pipelining);
    for (let time = 0; time < 3; time++) {
      expect(await Promise.all([post("{}"), post("{}"), post("{}")])).toEqual(Array(3).fill({ status: 0, retryAfter: null }));
    }
    await listen(async () => ({ status: 204 }), port);
    expect(await post("{}")).toEqual({ status: 204, retryAfter: null });
  },
);

test("requests that stand behind each other on a connection each get their own answer", async () => {
  const seen: string[] = [];
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const port = await listen(async (body) => {
    seen.push(body);
    if (body === "first") await gate;
    return body === "second" ? { status: 429, headers: { "retry-after": "7" } } : { status: 200 };
  });
  client = openReceiverClient(urlOf(port), 8);
  await post("warm");
  const answers = Promise.all(["first", "second", "third"].map(post));
  // all have arrived while the first has no answer
  await expect.poll(() => seen).toEqual(["warm", "first", "second", "third"]);
  letGo();
  expect(await answers).toEqual([
    { status: 200, retryAfter: null },
    { status: 429, retryAfter: "7" },
    { status: 200, retryAfter: null },
  ]);
});

test("requests on a connection that is cut get no answer, or that of another try", async () => {
  let isCut = false;
  const port = await listen(async (body) => {
    if (body === "cut" && !isCut) {
      isCut = true;
      server?.closeAllConnections();
    }
    return { status: 200 };
  });
  client = openReceiverClient(urlOf(port), 8);
  const answers = await Promise.all(["a", "cut", "b", "c"].map(post));
  for (const { status } of answers) expect([0, 200]).toContain(status);
  expect(await post("after")).toEqual({ status: 200, retryAfter: null });
});
