// Signing in to the console, as a browser and as whoever would like to be one.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";

let nodes: CreditNodes;
let mine: { id: string; key: string };
let host: string;

beforeAll(async () => {
  nodes = await startCreditNodes({ processes: ["rpc", "webapi"], settings: { BULKSMS_SALESAPI_URL: "http://127.0.0.1:8992" } });
  mine = await nodes.makeWorkspace("5.0");
  host = nodes.webapiUrl;
});
afterAll(() => nodes?.stop());

const signIn = (body: unknown, headers: Record<string, string> = {}) => nodes.http("POST", "/session", { key: null, body, headers });
const link = async () => (await nodes.http("POST", "/session/links", { body: { workspace_id: mine.id } })).body;
const cookieOf = (answer: { headers: Headers }) => (answer.headers.get("set-cookie") ?? "").split(";")[0] as string;
/** Asks as a page: with the cookie, and with its origin unless that is null. */
const ask = (method: string, path: string, { cookie, origin = host, body }: { cookie: string; origin?: string | null; body?: unknown }) =>
  nodes.http(method, path, {
    key: null,
    headers: { cookie, ...(origin === null ? {} : { origin }) },
    ...(body === undefined ? {} : { body }),
  });
async function session(): Promise<string> {
  return cookieOf(await signIn({ token: (await link()).token }, { origin: host }));
}
const expire = (table: "console_link" | "console_session") =>
  nodes.owner`update ${nodes.owner(table)} set expires_at = now() - interval '1 second'`;

describe("a one-time link", () => {
  test("signs in once, with all rights in its workspace, by a cookie that no script reads", async () => {
    const { token, path, expires_at } = await link();
    expect(path).toBe(`/sign-in#${token}`);
    expect(Date.parse(expires_at) - Date.now()).toBeLessThanOrEqual(600_000);
    const answer = await signIn({ token }, { origin: host });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      workspace_id: mine.id,
      workspace_name: "Test",
      scopes: ["admin", "send", "read"],
      sees_system: true,
      salesapi_url: "http://127.0.0.1:8992",
      price_list: { version: 1, prices: [{ destination: "*", part: "0.1" }] },
      default_country: "FI",
      text_parts_max: 6,
    });
    const cookie = answer.headers.get("set-cookie") as string;
    expect(cookie.split("; ").slice(1)).toEqual(["Path=/", expect.stringMatching(/^Max-Age=43(199|200)$/), "HttpOnly", "SameSite=Strict"]);
    const again = await signIn({ token }, { origin: host });
    expect([again.status, again.body.code, again.headers.get("set-cookie")]).toEqual([401, "token_invalid", null]);
  });

  test("shown by many at once signs one of them in", async () => {
    const { token } = await link();
    const answers = await Promise.all(Array.from({ length: 8 }, () => signIn({ token })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(401)]);
  });

  test("that has expired signs nobody in", async () => {
    const { token } = await link();
    await expire("console_link");
    expect((await signIn({ token })).body.code).toBe("token_invalid");
  });

  test("is minted by a key of the whole installation alone, for a workspace that exists", async () => {
    const ofWorkspace = await nodes.http("POST", "/session/links", { key: mine.key, body: { workspace_id: mine.id } });
    expect(ofWorkspace.body.code).toBe("scope_missing");
    const bySession = await ask("POST", "/session/links", { cookie: await session(), body: { workspace_id: mine.id } });
    expect(bySession.body.code).toBe("scope_missing");
    const nowhere = await nodes.http("POST", "/session/links", { body: { workspace_id: randomUUID() } });
    expect(nowhere.body.code).toBe("workspace_not_found");
  });
});

describe("an API key", () => {
  test("signs in with its own scopes, and its revoking ends the session", async () => {
    const made = await nodes.http("POST", "/keys", { body: { name: "browser", scopes: ["read"], workspace_id: mine.id } });
    const answer = await signIn({ api_key: made.body.key });
    expect(answer.body).toMatchObject({ workspace_id: mine.id, scopes: ["read"], sees_system: false });
    const cookie = cookieOf(answer);
    expect((await ask("GET", "/session", { cookie })).status).toBe(200);
    await nodes.http("DELETE", `/keys/${made.body.id}`);
    expect((await ask("GET", "/session", { cookie })).body.code).toBe("session_invalid");
  });

  test("of the whole installation names its workspace; one of a workspace cannot name another", async () => {
    expect((await signIn({ api_key: nodes.adminKey })).body.code).toBe("request_invalid");
    const answer = await signIn({ api_key: nodes.adminKey, workspace_id: mine.id });
    expect(answer.body).toMatchObject({ workspace_id: mine.id, sees_system: true });
    const other = await nodes.makeWorkspace();
    expect((await signIn({ api_key: mine.key, workspace_id: other.id })).body.code).toBe("workspace_not_found");
  });
});

describe("a signed-in browser", () => {
  test("may do what its scopes say in its workspace, and nothing in another", async () => {
    const cookie = await session();
    expect((await ask("GET", `/workspaces/${mine.id}/credit`, { cookie, origin: null })).body.credit).toBe("5.0");
    expect((await ask("POST", `/workspaces/${mine.id}/credit`, { cookie, body: { amount: "0.5" } })).status).toBe(201);
    const other = await nodes.makeWorkspace("1.0");
    expect((await ask("GET", `/workspaces/${other.id}/credit`, { cookie })).body.code).toBe("workspace_not_found");
  });

  test("is not let in from another server of this machine, nor changes anything without an Origin", async () => {
    const cookie = await session();
    const path = `/workspaces/${mine.id}/credit`;
    const before = (await ask("GET", path, { cookie })).body;
    const port = new URL(host).port;
    for (const origin of ["http://127.0.0.1:1", "http://localhost", `http://localhost:${port}`, "null", "http://"]) {
      expect((await ask("POST", path, { cookie, origin, body: { amount: "1" } })).body.code, origin).toBe("origin_refused");
      expect((await ask("GET", path, { cookie, origin })).body.code, origin).toBe("origin_refused");
      expect((await signIn({ token: (await link()).token }, { origin })).body.code, origin).toBe("origin_refused");
    }
    expect((await ask("POST", path, { cookie, origin: null, body: { amount: "1" } })).body.code).toBe("origin_refused");
    expect((await ask("DELETE", "/session", { cookie, origin: null })).body.code).toBe("origin_refused");
    expect((await ask("GET", path, { cookie })).body).toEqual(before);
  });

  test("is signed out by DELETE, and by time", async () => {
    const cookie = await session();
    const answer = await ask("DELETE", "/session", { cookie });
    expect([answer.status, answer.headers.get("set-cookie")]).toEqual([
      204,
      expect.stringContaining("bulksms_session=; Path=/; Max-Age=0"),
    ]);
    expect((await ask("GET", "/session", { cookie })).body.code).toBe("session_invalid");
    const late = await session();
    await expire("console_session");
    expect((await ask("GET", "/session", { cookie: late })).body.code).toBe("session_invalid");
    expect((await ask("GET", `/workspaces/${mine.id}/credit`, { cookie: late })).body.code).toBe("session_invalid");
  });

  test("with another cookie is nobody", async () => {
    for (const cookie of [
      "",
      "bulksms_session=",
      "bulksms_session=short",
      `bulksms_session=${"x".repeat(5_000)}`,
      `bulksms_sessionx=${"x".repeat(43)}`,
    ]) {
      expect((await ask("GET", "/session", { cookie })).body.code, cookie.slice(0, 60)).toBe("key_missing");
    }
    const made = { cookie: `bulksms_session=${"x".repeat(43)}` };
    expect((await ask("GET", "/session", made)).body.code).toBe("session_invalid");
    expect((await ask("GET", `/workspaces/${mine.id}`, made)).body.code).toBe("session_invalid");
    // a key is no session
    expect((await ask("GET", "/keys", { cookie: `bulksms_session=${mine.key}` })).body.code).toBe("session_invalid");
  });

  test("hears of its workspace and of the system on a WebSocket, which must have an Origin of ours", async () => {
    const cookie = await session();
    const open = (headers: Record<string, string>) =>
      new WebSocket(`${host.replace("http", "ws")}/ws`, { headers: { cookie, ...headers } });
    for (const headers of [{}, { origin: "http://127.0.0.1:1" }]) {
      const [refused] = await once(open(headers as Record<string, string>), "error");
      expect(String(refused)).toContain("403");
    }
    const socket = open({ origin: host });
    await once(socket, "open");
    socket.send(JSON.stringify({ subscribe: [{ topic: "laws", channel: "all" }] }));
    const [message] = await once(socket, "message");
    expect(JSON.parse(String(message))).toMatchObject({ topic: "laws", is_snapshot: true, update: { laws: [], checked_at: null } });
    socket.close();
  });
});

test.each([
  ["nothing", {}],
  ["both", { token: "x", api_key: "y" }],
  ["an empty token", { token: "" }],
  ["a token that is none", { token: 5 }],
  ["a long key", { api_key: "x".repeat(201) }],
  ["another field", { token: "x", more: 1 }],
  ["a workspace that is not a valid id", { api_key: "x", workspace_id: "x" }],
])("a sign-in with %s is refused", async (_says, body) => {
  const answer = await signIn(body);
  expect([answer.status, answer.headers.get("set-cookie")]).toEqual([expect.toBeOneOf([400, 422]), null]);
});

test("no token, cookie or key stands in a log line or in a table", async () => {
  const { token } = await link();
  const cookie = cookieOf(await signIn({ token }));
  const secrets = [token, cookie.split("=")[1] as string, mine.key];
  const rows = await nodes.owner`select l::text from console_link l union all select s::text from console_session s`;
  const text = nodes.logLines.join("\n") + JSON.stringify(rows);
  expect(nodes.logLines.some((line) => line.includes("session.began"))).toBe(true);
  for (const secret of secrets) expect(text).not.toContain(secret);
});

test("who tries one token after another is told to wait", async () => {
  const statuses = new Set<number>();
  for (let count = 0; count < 70; count++) statuses.add((await signIn({ token: `guess-${count}` })).status);
  expect([...statuses]).toContain(429);
});
