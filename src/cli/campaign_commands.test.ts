import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { commandCampaign, type RunOptions, run } from "./campaign_commands.ts";
import { Failure } from "./failure.ts";

const id = "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f";
const campaign = {
  ...{ id, name: "autumn", status: "ready", contacts: 4_810, parts: 4_942, cost: "494.2" },
  carrier: { name: "telia", simulated: false },
};

let server: Server;
let url: string;
let asked: { path: string; body: Record<string, unknown> | null }[] = [];
/** Answers by path, the first of a list first; otherwise the usual one. */
let answers: Record<string, { status: number; body: unknown }[]> = {};
const usual: Record<string, { status: number; body: unknown }> = {
  [`/bulksms/${id}`]: { status: 200, body: campaign },
  "/run": { status: 202, body: { id, status: "running" } },
  "/pause": { status: 202, body: { id, status: "paused", in_flight_max: 1 } },
  "/cancel": { status: 202, body: { id, status: "canceling", in_flight_max: 1_200 } },
  "/resume": { status: 409, body: { code: "state_conflict", detail: "It is running." } },
};

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown> | null> {
  let text = "";
  for await (const piece of request) text += piece;
  return text === "" ? null : JSON.parse(text);
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const path = request.url as string;
    asked.push({ path, body: await bodyOf(request) });
    const { status, body } = answers[path]?.shift() ?? usual[path] ?? { status: 404, body: { code: "not_found" } };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  asked = [];
  answers = {};
});

/** `typed`: a person at a terminal who answers each question in turn; otherwise a pipe. */
async function outcomeOf(work: (streams: Parameters<typeof run>[2]) => Promise<number>, typed?: string[]) {
  const isTTY = typed !== undefined;
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  const left = [...(typed ?? [])];
  let shown = "";
  output.on("data", (piece) => {
    shown += piece;
    if (String(piece).includes("[y/N]")) input.write(`${left.shift() ?? ""}\n`);
  });
  const environment = { BULKSMS_SALESAPI_URL: url, BULKSMS_WEBAPI_URL: url, BULKSMS_API_KEY: "key", NO_COLOR: "1" };
  const outcome = await work({ input, output, errors: output, environment }).catch((error: unknown) => error);
  if (outcome instanceof Failure) return { exitCode: outcome.exitCode, shown, failure: [outcome.message, outcome.why, outcome.remedy] };
  if (typeof outcome !== "number") throw outcome;
  return { exitCode: outcome, shown, failure: [] };
}

const running = (options: RunOptions, typed?: string[]) => outcomeOf((streams) => run(id, options, streams), typed);
const runs = () => asked.filter(({ path }) => path === "/run").map(({ body }) => body);
const expectation = { contacts: 4_810, parts: 4_942, cost_max: "494.2", carrier: campaign.carrier };

describe("run", () => {
  it("asks with the people, the carrier and the cost at most, and runs exactly that after a yes", async () => {
    const { exitCode, shown } = await running({}, ["y"]);
    expect(shown).toContain("Text 4,810 people through telia for at most 494.2 credits? [y/N]");
    expect({ exitCode, runs: runs() }).toEqual({ exitCode: 0, runs: [{ bulksms_id: id, expect: expectation }] });
    expect(shown).toContain(`npx bulksms status ${id}`);
  });

  it.each(["", "n", "1"])("takes %j for a no", async (typed) => {
    expect(await running({}, [typed])).toMatchObject({ exitCode: 1, shown: expect.stringContaining("nobody was texted") });
    expect(runs()).toEqual([]);
  });

  it("without a terminal needs --yes or --max-cost, before anything is asked", async () => {
    expect((await running({})).exitCode).toBe(2);
    expect(asked).toEqual([]);
    expect((await running({ yes: true })).exitCode).toBe(0);
    expect((await running({ maxCost: "494.2" })).exitCode).toBe(0);
    const { exitCode, failure } = await running({ maxCost: "494.199" });
    expect({ exitCode, runs: runs().length }).toEqual({ exitCode: 1, runs: 2 });
    expect(failure[1]).toContain("494.2 credits; --max-cost is 494.199");
  });

  const changed = { status: 409, body: { code: "price_changed", price_version: 3, cost: "988.4" } };

  it("shows a changed price and asks anew, and accepts that list alone", async () => {
    answers["/run"] = [changed];
    const { exitCode, shown } = await running({}, ["y", "y"]);
    expect(shown).toContain("for at most 988.4 credits? [y/N]");
    expect({ exitCode, last: runs().at(-1) }).toEqual({
      exitCode: 0,
      last: { bulksms_id: id, expect: { ...expectation, cost_max: "988.4" }, price_version: 3 },
    });
  });

  it("does not run at a changed price above --max-cost", async () => {
    answers["/run"] = [changed];
    expect(await running({ maxCost: "500" })).toMatchObject({ exitCode: 1 });
    expect(runs().length).toBe(1);
  });

  it("says in three lines why it was refused", async () => {
    answers["/run"] = [{ status: 402, body: { code: "insufficient_credit", needed: "494.2", available: "10.0" } }];
    const { exitCode, failure } = await running({ yes: true });
    expect({ exitCode, failure }).toEqual({
      exitCode: 1,
      failure: [
        "the campaign was not run",
        "it costs 494.2 credits, 10.0 are available",
        "top the workspace up with `npx bulksms topup CREDITS`, then `npx bulksms run ID`",
      ],
    });
  });
});

describe("pause, resume and cancel", () => {
  it("say what became of the campaign, and what may still be on the way", async () => {
    const paused = await outcomeOf((streams) => commandCampaign("pause", id, { data: "other" }, streams));
    expect(paused.shown).toContain(`campaign ${id} paused; at most 1 message may still be on the way to the carrier`);
    expect(paused.shown).toContain(`npx bulksms status ${id} --data other`);
    expect((await outcomeOf((streams) => commandCampaign("cancel", id, {}, streams))).shown).toContain("at most 1,200 messages");
  });

  it("are refused with the state that does not allow them", async () => {
    const { exitCode, failure } = await outcomeOf((streams) => commandCampaign("resume", id, {}, streams));
    expect({ exitCode, failure }).toEqual({
      exitCode: 1,
      failure: ["the campaign was not resumed", "It is running. (state_conflict)", "`npx bulksms status ID` shows its state now"],
    });
  });

  it("print the answer as the last line of standard output with --json", async () => {
    const { shown } = await outcomeOf((streams) => commandCampaign("pause", id, { json: true }, streams));
    expect(JSON.parse(shown.trim().split("\n").at(-1) ?? "")).toEqual({ id, status: "paused", in_flight_max: 1 });
  });
});
