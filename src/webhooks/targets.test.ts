// Calls to URLs that customers name, against real HTTP servers: where none goes, and that no
// receiver can hold us up.
import type { LookupAddress } from "node:dns";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, test } from "vitest";
import { openTargets, type Targets, type TargetsOptions } from "./targets.ts";

const secrets = [`whsec_${Buffer.alloc(32, 7).toString("base64")}`];
let servers: Server[] = [];
let targets: Targets | null = null;
afterEach(async () => {
  for (const server of servers) server.closeAllConnections();
  await targets?.close();
  for (const server of servers.splice(0)) server.close();
  servers = [];
});

interface Receiver {
  port: number;
  /** Requests as they came. */
  seen: { path: string; headers: IncomingMessage["headers"]; body: string }[];
}

async function listen(answer: (response: ServerResponse, request: IncomingMessage) => void): Promise<Receiver> {
  const seen: Receiver["seen"] = [];
  const server = createServer(async (request, response) => {
    seen.push({ path: request.url as string, headers: request.headers, body: await text(request) });
    answer(response, request);
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: (server.address() as AddressInfo).port, seen };
}

const open = (changes: Partial<TargetsOptions> = {}): Targets => {
  targets = openTargets({ arePrivateTargetsAllowed: true, attemptMs: 5_000, atOnceMax: 2, ...changes });
  return targets;
};
const webhook = (id = "m.1.sent") => ({ secrets, id, text: '{"type":"recipient.updated","ä":"😀"}' });

test("a call is signed as the independent library of Standard Webhooks verifies it, by each of two secrets", async () => {
  const { port, seen } = await listen((response) => response.writeHead(204).end());
  const both = [...secrets, `whsec_${Buffer.alloc(24, 9).toString("base64")}`];
  const answer = await open().post(`http://127.0.0.1:${port}/hook?x=1`, { ...webhook(), secrets: both });
  expect(answer).toEqual({ failure: null, retryAfterMs: 0, isOriginFailing: false });
  const [call] = seen;
  expect(call).toMatchObject({ path: "/hook?x=1", headers: { "content-type": "application/json", "webhook-id": "m.1.sent" } });
  const headers = call?.headers as Record<string, string>;
  for (const secret of both) expect(new Webhook(secret).verify(call?.body ?? "", headers)).toEqual(JSON.parse(webhook().text));
  expect(() => new Webhook(secrets[0] as string).verify(`${call?.body} `, headers)).toThrow();
  expect(() => new Webhook(`whsec_${Buffer.alloc(32).toString("base64")}`).verify(call?.body ?? "", headers)).toThrow();
});

describe("a target without a public address", () => {
  const special = [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
  ];
  const special6 = [
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "2002:7f00:1::",
    "2001:db8::1",
  ];
  const spelled = ["127.1", "0x7f.0.0.1", "2130706433", "017700000001", "127.0.0.1.", "localhost", "LOCALHOST"];

  test("is refused by its own name, however it is written, and nobody is connected to", async () => {
    const { port, seen } = await listen((response) => response.end());
    const { post } = open({ arePrivateTargetsAllowed: false });
    for (const host of [...special, ...special6.map((address) => `[${address}]`), ...spelled])
      expect(await post(`http://${host}:${port}/`, webhook()), host).toEqual({
        failure: "address_refused",
        retryAfterMs: 0,
        isOriginFailing: true,
      });
    expect(seen).toEqual([]);
  });

  test.each([...special, ...special6])("is refused when DNS answers %s, alone or among public ones", async (address) => {
    const { port, seen } = await listen((response) => response.end());
    const family = address.includes(":") ? 6 : 4;
    for (const addresses of [
      [{ address, family }],
      [
        { address: "1.1.1.1", family: 4 },
        { address, family },
      ],
    ]) {
      const { post, close } = open({ arePrivateTargetsAllowed: false, lookup: (_name, _options, callback) => callback(null, addresses) });
      expect((await post(`http://rebound.example:${port}/`, webhook())).failure).toBe("address_refused");
      await close();
    }
    expect(seen).toEqual([]);
  });

  test("is refused at each connection: a name that led to a public address before does not open the way", async () => {
    const { port, seen } = await listen((response) => response.end());
    const answers: LookupAddress[][] = [];
    const lookup: TargetsOptions["lookup"] = (_name, _options, callback) => {
      const answer = answers.length === 0 ? [{ address: "192.0.2.1", family: 4 }] : [{ address: "127.0.0.1", family: 4 }];
      answers.push(answer);
      callback(null, answer);
    };
    const { post } = open({ arePrivateTargetsAllowed: false, lookup });
    for (let call = 0; call < 3; call++) expect((await post(`http://rebound.example:${port}/`, webhook())).failure).toBe("address_refused");
    expect(answers).toHaveLength(3);
    expect(seen).toEqual([]);
  });

  test("is not reached by a redirect: that is an answer, and no acceptance", async () => {
    const inner = await listen((response) => response.end());
    const { port, seen } = await listen((response) => response.writeHead(302, { location: `http://127.0.0.1:${inner.port}/secret` }).end());
    expect((await open().post(`http://127.0.0.1:${port}/`, webhook())).failure).toBe("status_302");
    expect([seen.length, inner.seen.length]).toEqual([1, 0]);
  });
});

describe("a receiver", () => {
  test("whose name nobody knows, or that refuses connections, has no answer", async () => {
    const { port } = await listen((response) => response.end());
    servers[0]?.close();
    await once(servers[0] as Server, "close");
    const lookup: TargetsOptions["lookup"] = (_name, _options, callback) =>
      callback(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), []);
    const failed = { failure: "no_answer", retryAfterMs: 0, isOriginFailing: true };
    expect(await open().post(`http://127.0.0.1:${port}/`, webhook())).toEqual(failed);
    await targets?.close();
    expect(await open({ arePrivateTargetsAllowed: false, lookup }).post("http://nowhere.example/", webhook())).toEqual(failed);
  });

  test.each([
    [500, {}, { failure: "status_500", retryAfterMs: 0, isOriginFailing: false }],
    [410, {}, { failure: "status_410", retryAfterMs: 0, isOriginFailing: false }],
    [503, { "retry-after": "20" }, { failure: "status_503", retryAfterMs: 20_000, isOriginFailing: true }],
    [429, { "retry-after": "999999" }, { failure: "status_429", retryAfterMs: 300_000, isOriginFailing: true }],
  ])("that answers %i is told again later", async (status, headers, expected) => {
    const { port } = await listen((response) => response.writeHead(status, headers).end("no"));
    expect(await open().post(`http://127.0.0.1:${port}/`, webhook())).toEqual(expected);
  });

  test("that never answers, or never ends its answer, is cut off", async () => {
    const silent = await listen(() => {});
    const drip = await listen((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    const { post } = open({ attemptMs: 200 });
    expect(await post(`http://127.0.0.1:${silent.port}/`, webhook())).toMatchObject({ failure: "no_answer", isOriginFailing: true });
    // its status is known: it has accepted
    expect((await post(`http://127.0.0.1:${drip.port}/`, webhook())).failure).toBeNull();
  });

  test("that answers without end is not read to the end, and gets the next call", async () => {
    let written = 0;
    const { port, seen } = await listen((response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    const { post } = open({ attemptMs: 60_000 });
    for (const id of ["a", "b"]) expect((await post(`http://127.0.0.1:${port}/`, webhook(id))).failure).toBeNull();
    expect(seen.map(({ headers }) => headers["webhook-id"])).toEqual(["a", "b"]);
    expect(written).toBeLessThan(50_000_000);
  });

  test("has as many calls at once as it may have, whatever others have", async () => {
    let atOnce = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    const slow = await listen((response) => {
      most = Math.max(most, ++atOnce);
      waiting.push(() => {
        atOnce--;
        response.end();
      });
    });
    const quick = await listen((response) => response.end());
    const { post } = open();
    const calls = Array.from({ length: 6 }, (_, at) => post(`http://127.0.0.1:${slow.port}/`, webhook(String(at))));
    await expect.poll(() => waiting.length).toBe(2);
    expect((await post(`http://127.0.0.1:${quick.port}/`, webhook())).failure).toBeNull();
    let isDone = false;
    const done = Promise.all(calls).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await done).every(({ failure }) => failure === null)).toBe(true);
    expect(most).toBe(2);
  });
});
