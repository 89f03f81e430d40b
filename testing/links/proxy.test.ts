// The proxy of a link: what each mode does to bytes, to replies and to connections, and that it is
// undone.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { waitFor } from "../wait_for.ts";
import { type LinkProxy, openProxy } from "./proxy.ts";

let server: Server;
let proxy: LinkProxy;
/** All that the server was told, by connection, in the order of their arrival. */
let told: string[];
let sockets: Socket[];

beforeEach(async () => {
  told = [];
  sockets = [];
  server = createServer((socket) => {
    const index = told.push("") - 1;
    sockets.push(socket);
    socket.on("error", () => {});
    socket.setEncoding("utf8").on("data", (text) => {
      told[index] = `${told[index] ?? ""}${text}`;
      socket.write(`re:${text}`);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  proxy = await openProxy(createRandom(1));
  proxy.aim({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
});
afterEach(async () => {
  await proxy.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});

interface Client {
  socket: Socket;
  heard(): string;
  closedBy(): string | null;
}

async function openClient(): Promise<Client> {
  const socket = connect(proxy.port, "127.0.0.1");
  let heard = "";
  let closedBy: string | null = null;
  socket.setEncoding("utf8").on("data", (text) => {
    heard += text;
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    closedBy = error.code ?? "error";
  });
  socket.on("close", () => {
    closedBy ??= "end";
  });
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return { socket, heard: () => heard, closedBy: () => closedBy };
}

/** A client that has spoken and heard once: its connection is whole. */
async function openTalking(): Promise<Client> {
  const client = await openClient();
  client.socket.write("a");
  await waitFor("the first reply", () => client.heard() === "re:a");
  return client;
}

test("pass carries bytes and ends both ways, a megabyte too", async () => {
  const client = await openTalking();
  const text = "x".repeat(1_000_000);
  client.socket.end(text);
  await waitFor("all of it", () => told[0]?.length === 1_000_001);
  await waitFor("the end", () => client.closedBy() === "end");
  expect(client.heard().replaceAll("re:", "")).toHaveLength(1_000_001);
  expect(proxy.touches()).toBe(0);
});

test("reset cuts connections and new ones, and pass lets new ones through again", async () => {
  const client = await openTalking();
  proxy.set("reset");
  await waitFor("the cut", () => client.closedBy() === "ECONNRESET");
  const late = await openClient();
  await waitFor("the refusal", () => late.closedBy() !== null);
  expect(proxy.touches()).toBe(2);
  proxy.set("pass");
  await openTalking();
  expect(proxy.touches()).toBe(0);
});

test("in a black hole connections stay open and nothing arrives; a stream that lost bytes is cut afterwards", async () => {
  const idle = await openTalking();
  const speaking = await openTalking();
  proxy.set("blackhole");
  speaking.socket.write("lost");
  const late = await openClient();
  late.socket.write("lost");
  await waitFor("both to be touched", () => proxy.touches() === 2);
  expect([speaking.closedBy(), late.closedBy()]).toEqual([null, null]);
  expect(told).toEqual(["a", "a"]);
  proxy.set("pass");
  await waitFor("the cut", () => speaking.closedBy() === "ECONNRESET" && late.closedBy() === "ECONNRESET");
  idle.socket.write("b");
  await waitFor("the idle one to go on", () => idle.heard() === "re:are:b");
});

test("drop_replies delivers the request, loses the reply and cuts the connection", async () => {
  const client = await openTalking();
  proxy.set("drop_replies", { repliesPassedMax: 0 });
  client.socket.write("commit");
  await waitFor("the cut", () => client.closedBy() === "ECONNRESET");
  expect(told[0]).toBe("acommit");
  expect(client.heard()).toBe("re:a");
  expect(proxy.touches()).toBe(1);
});

test("what is late still arrives when its sender has given up, and pass lets what waits go at once", async () => {
  const client = await openTalking();
  proxy.set("delay", { delayMs: 60_000 });
  client.socket.write("late");
  await waitFor("it to wait", () => proxy.touches() === 1);
  client.socket.destroy();
  await waitFor("the client to be gone", () => client.closedBy() !== null);
  expect(told[0]).toBe("a");
  proxy.set("pass");
  await waitFor("the late request", () => told[0] === "alate");
});

test("slow lets a few bytes through, in order, and the rest when it is over", async () => {
  const client = await openTalking();
  proxy.set("slow", { bytesPerSecond: 20 });
  const text = "0123456789".repeat(1_000);
  client.socket.write(text);
  await waitFor("some bytes", () => (told[0]?.length ?? 0) > 2);
  expect(told[0]?.length).toBeLessThan(text.length);
  proxy.set("pass");
  await waitFor("all bytes", () => told[0] === `a${text}`);
});

test("a server that is not there cuts the client", async () => {
  proxy.aim({ host: "127.0.0.1", port: 1 });
  const client = await openClient();
  await waitFor("the cut", () => client.closedBy() === "ECONNRESET");
});
