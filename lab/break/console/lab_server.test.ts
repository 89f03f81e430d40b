// Who may press the lab's buttons: whoever has a link from its terminal, from this machine's own
// page, and nobody else.
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LabCommand, LabState } from "../../../src/contracts/lab_console.ts";
import { Refusal } from "./controls.ts";
import { type LabServer, openLabServer } from "./lab_server.ts";

let listener: LabServer;
let port: number;
const performed: LabCommand[] = [];
const state = { timeline: [] } as unknown as LabState;

beforeAll(async () => {
  listener = await openLabServer({
    port: 0,
    files: new Map([["/", { type: "text/html; charset=utf-8", body: Buffer.from("<title>lab</title>") }]]),
    webapiUrl: "http://127.0.0.1:1",
    apiKey: "key",
    controls: {
      async perform(command) {
        if (command.do === "repair") throw new Refusal("nothing is broken");
        performed.push(command);
      },
      state: () => state,
      faults: () => 0,
      repair: async () => {},
    },
    state: () => state,
  });
  port = Number(new URL(listener.link()).port);
});
afterAll(() => listener?.close());

interface Answer {
  status: number;
  body: string;
  cookie: string;
  policy: string;
}

function ask(
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const json = body === undefined ? {} : { "content-type": "application/json" };
    const asked = request(
      { host: "127.0.0.1", port, method, path, headers: { host: `127.0.0.1:${port}`, ...json, ...headers } },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            body: text,
            cookie: answer.headers["set-cookie"]?.[0] ?? "",
            policy: String(answer.headers["content-security-policy"] ?? ""),
          }),
        );
      },
    );
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const own = () => ({ origin: `http://127.0.0.1:${port}` });
const secretOf = (link: string) => new URL(link).hash.slice(1);
const kill: LabCommand = { do: "node", node: "sales_worker", action: "kill" };
async function visitor(): Promise<string> {
  const { cookie } = await ask("POST", "/lab/enter", { headers: own(), body: { secret: secretOf(listener.link()) } });
  return cookie.split(";")[0] as string;
}

describe("the lab's listener", () => {
  test("a link lets one browser in, once, by a cookie that no script reads", async () => {
    const secret = secretOf(listener.link());
    const first = await ask("POST", "/lab/enter", { headers: own(), body: { secret } });
    expect([first.status, first.cookie]).toEqual([200, expect.stringContaining("HttpOnly; SameSite=Strict")]);
    const second = await ask("POST", "/lab/enter", { headers: own(), body: { secret } });
    expect([second.status, second.cookie]).toEqual([401, ""]);
  });

  test("shows its page to anyone here, and does nothing for whoever has not entered", async () => {
    const page = await ask("GET", "/");
    expect([page.status, page.policy]).toEqual([200, expect.stringContaining("script-src 'self'")]);
    expect((await ask("GET", "/lab/state")).status).toBe(401);
    expect((await ask("POST", "/lab/do", { headers: own(), body: kill })).status).toBe(401);
    expect(performed).toEqual([]);
  });

  test("takes commands from its own page alone, whatever cookie comes along", async () => {
    const cookie = await visitor();
    const strangers = [
      { origin: "http://evil.example" },
      { origin: `http://localhost:${port + 1}` },
      {},
      { ...own(), host: "evil.example" },
    ];
    for (const headers of strangers) {
      const answer = await ask("POST", "/lab/do", { headers: { cookie, ...headers } as Record<string, string>, body: kill });
      expect(answer.status, JSON.stringify(headers)).toBe(403);
    }
    expect(performed).toEqual([]);
    expect((await ask("POST", "/lab/do", { headers: { cookie, ...own() }, body: kill })).status).toBe(200);
    expect(performed).toEqual([kill]);
  });

  test("names what is not a command, and what cannot be done now", async () => {
    const cookie = await visitor();
    const give = (body: unknown) => ask("POST", "/lab/do", { headers: { cookie, ...own() }, body });
    for (const body of [{ do: "node", node: "moon", action: "kill" }, { do: "campaign", contacts: 1e9 }, [], "x".repeat(5_000)]) {
      expect((await give(body)).status).toBe(422);
    }
    const refused = await give({ do: "repair" });
    expect([refused.status, JSON.parse(refused.body).detail]).toEqual([409, "nothing is broken"]);
  });
});
