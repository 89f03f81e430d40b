// `send` against a small server that answers as salesapi and webapi do; commands.test.ts runs it on
// the whole system.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { QuoteAnswer } from "../contracts/quote.ts";
import { Failure } from "./failure.ts";
import { type SendOptions, send } from "./send.ts";

const quote: QuoteAnswer = {
  file: {
    kind: "csv",
    encoding: "windows-1252",
    encoding_reason: "It has bytes from 0x80 to 0x9F.",
    sheet: null,
    sheets: [],
    hidden_rows: 0,
    hidden_columns: [],
  },
  phone_column: { name: "Mobile", number: 2, why: "mobile_header", description: 'The numbers are those of "Mobile".' },
  rows: 5_000,
  contacts: 4_810,
  rejected: 190,
  rejects: {
    duplicate: { count: 97, first: [{ line: 7, value: "+358 40 123\u202e 4567" }] },
    value_empty: { count: 93, first: [{ line: 9, value: "" }] },
  },
  landlines: 0,
  duplicates: 97,
  empty_values: [{ column: "first_name", rows: 93, treated_as: "rejected" }],
  countries: [
    { country: "FI", contacts: 4_800, parts: 4_930, cost: "493.0" },
    { country: null, contacts: 10, parts: 12, cost: "1.2" },
  ],
  costly_characters: {
    text: {
      characters: [{ character: "“", code_point: "U+201C", effect: "forces_ucs2", count: 2, suggestion: '"' }],
      extra_parts: 120,
      extra_cost: "12.0",
    },
    cells: {
      characters: [{ character: "\u200b", code_point: "U+200B", effect: "forces_ucs2", count: 1, suggestion: "" }],
      extra_parts: 0,
      extra_cost: "0.0",
    },
    extra_parts: 120,
    extra_cost: "12.0",
  },
  samples: [{ line: 2, text: "Hi Aino!", parts: 1 }],
  parts: 4_942,
  price: "0.1",
  carrier: { name: "simulator", simulated: true },
  cost: "494.2",
  encoding: "mixed",
  sender: "bulksms",
  country: "FI",
  deadline_s: 60,
};

const id = "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f";
interface Asked {
  path: string;
  body: string;
}
let server: Server;
let url: string;
let asked: Asked[] = [];
/** Answers by path, the first of a list first; otherwise the usual one. */
let answers: Record<string, { status: number; body: unknown }[]> = {};
const folder = mkdtempSync(join(tmpdir(), "bulksms-send-test-"));
const file = join(folder, "list.csv");

const usual: Record<string, { status: number; body: unknown }> = {
  "/quote": { status: 200, body: quote },
  "/create": { status: 201, body: { ...quote, id, name: "list", status: "ready" } },
  "/run": { status: 202, body: { id, status: "running" } },
  "/cancel": { status: 202, body: { id, status: "canceled" } },
  "/keys": { status: 200, body: { keys: [{ workspace_id: "w" }] } },
  "/workspaces/w": { status: 200, body: { credit: "1000.0" } },
};

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("latin1");
}

beforeAll(async () => {
  writeFileSync(file, "name,Mobile\nAino,+358401234567\n");
  server = createServer(async (request, response) => {
    const path = request.url as string;
    asked.push({ path, body: await textOf(request) });
    const { status, body } = answers[path]?.shift() ?? usual[path] ?? { status: 404, body: { code: "not_found" } };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  asked = [];
  answers = {};
});

const runRefused = { status: 409, body: { code: "state_conflict", detail: "It is canceled." } };

/** What readline writes to a terminal at a question. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what moves a cursor begins with ESC
const moves = /\u001b\[\d*[A-Z]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, behind a question
const questionAtEnd = /(\[y\/N\]|\[1-\d+\]) (\u001b\[\d+[A-Z])*$/;

/** A person at a terminal who answers each question in turn, or a pipe. */
async function run(
  options: Partial<SendOptions>,
  { typed, argument = file, piped = "" }: { typed?: string[]; argument?: string; piped?: string } = {},
) {
  const isTTY = typed !== undefined;
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  let shown = "";
  const left = [...(typed ?? [])];
  output.on("data", (piece) => {
    shown += piece;
    if (questionAtEnd.test(shown) && String(piece).includes("]")) input.write(`${left.shift() ?? ""}\n`);
  });
  if (!isTTY) input.end(piped);
  const environment = { BULKSMS_SALESAPI_URL: url, BULKSMS_WEBAPI_URL: url, BULKSMS_API_KEY: "key", NO_COLOR: "1" };
  const outcome = await send(
    argument,
    { text: "Hi {first_name}", data: folder, ...options },
    { input, output, errors: output, environment },
  ).catch((error: unknown) => error);
  const failure = outcome instanceof Failure ? outcome : null;
  if (failure === null && typeof outcome !== "number") throw outcome;
  return {
    exitCode: failure?.exitCode ?? (outcome as number),
    shown: shown.replaceAll(moves, ""),
    raw: shown,
    failure: failure === null ? [] : [failure.message, failure.why, failure.remedy],
  };
}

const paths = () => asked.map(({ path }) => path);
const fieldIn = (path: string, name: string) =>
  new RegExp(`name="${name}"\r\n\r\n([^\r]*)\r\n`).exec(asked.findLast((request) => request.path === path)?.body ?? "")?.[1];

describe("send asks before it texts", () => {
  it("with the people and the credits at most, and creates only after a yes", async () => {
    answers["/run"] = [runRefused];
    const { shown } = await run({}, { typed: ["y"] });
    expect(shown).toContain("Text 4,810 people for at most 494.2 credits? [y/N]");
    expect(paths().slice(0, 2)).toEqual(["/quote", "/create"]);
    const body = JSON.parse(asked.find(({ path }) => path === "/run")?.body ?? "{}");
    expect(body).toEqual({ bulksms_id: id, expect: { contacts: 4_810, parts: 4_942, cost_max: "494.2", carrier: quote.carrier } });
  });

  it.each(["", "n", "no", "yes please", "1"])("and takes %j for a no", async (typed) => {
    const { exitCode, shown } = await run({}, { typed: [typed] });
    expect(exitCode).toBe(1);
    expect(shown).toContain("nothing was created");
    expect(paths()).toEqual(["/quote"]);
  });

  it("and without a terminal ends with exit code 2, before anything is read or asked", async () => {
    for (const argument of [file, "-"]) {
      const { exitCode, failure } = await run({}, { argument, piped: "phone\n+358401234567\n" });
      expect({ exitCode, asked }).toEqual({ exitCode: 2, asked: [] });
      expect(failure.join()).toMatch(/--dry-run.*--max-cost N.*--yes/);
    }
  });

  it("unless --yes is said, or a --max-cost that it is within", async () => {
    for (const options of [{ yes: true }, { maxCost: "494.2" }, { maxCost: "9000" }]) {
      asked = [];
      answers["/run"] = [runRefused];
      await run(options);
      expect(paths()).toContain("/create");
    }
  });

  it("and creates nothing when it costs more than --max-cost, to the thousandth", async () => {
    for (const maxCost of ["494.199", "0", "1"]) {
      asked = [];
      const { exitCode, failure } = await run({ maxCost });
      expect({ exitCode, paths: paths() }).toEqual({ exitCode: 1, paths: ["/quote"] });
      expect(failure[1]).toContain("4,810 people for at most 494.2 credits");
    }
    for (const maxCost of ["", "1,5", "-1", "1e3", "abc", "1.2345", "Infinity"]) expect((await run({ maxCost })).exitCode).toBe(2);
  });

  it("and reads standard input under the same rule", async () => {
    answers["/run"] = [runRefused];
    const piped = "name,Mobile\nÄäkkönen,+358401234567\n";
    await run({ maxCost: "500" }, { argument: "-", piped });
    for (const path of ["/quote", "/create"])
      expect(asked.find((request) => request.path === path)?.body).toContain(Buffer.from(piped).toString("latin1"));
  });
});

describe("the verdict", () => {
  it("is shown whole by --dry-run, which creates nothing", async () => {
    const { exitCode, shown } = await run({ dryRun: true });
    expect({ exitCode, paths: paths() }).toEqual({ exitCode: 0, paths: ["/quote"] });
    for (const words of [
      "list.csv   5,000 rows → 4,810 contacts · 190 rejected (duplicate 97, value empty 93)",
      'column 2, "Mobile". The numbers are those of "Mobile".',
      "CSV in Windows-1252. It has bytes from 0x80 to 0x9F.",
      "97 duplicate (line 7 +358 40 123U+202E 4567, ...)",
      "93 value empty (line 9 (empty), ...)",
      "{first_name} is empty in 93 rows: rejected; give it a default, {first_name|...}",
      "FI 4,800 · other 10",
      'in the text: 120 parts more, 12.0 credits. “ (U+201C) × 2 → "',
      "in the cells. U+200B → nothing",
      "line 2: Hi Aino!",
      "4,942 parts, cost at most 494.2 credits",
      "nothing was created",
    ])
      expect(shown).toContain(words);
    expect(shown).not.toMatch(/[\u202e\u200b]/);
  });

  it("fits any terminal, line by line", async () => {
    const { shown } = await run({}, { typed: ["n"] });
    for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("is one JSON object with --json", async () => {
    const { shown } = await run({ dryRun: true, json: true });
    expect(JSON.parse(shown.trimEnd().split("\n").at(-1) as string)).toEqual(quote);
  });

  it("of nobody ends there, with the reasons shown", async () => {
    answers["/quote"] = [{ status: 200, body: { ...quote, contacts: 0, rejected: 5_000 } }];
    const { exitCode, failure, shown } = await run({ yes: true });
    expect({ exitCode, paths: paths() }).toEqual({ exitCode: 1, paths: ["/quote"] });
    expect(failure[0]).toBe("nobody in this file can be texted");
    expect(shown).toContain("97 duplicate");
  });

  it("that has changed by the time of the run is three lines, and the campaign is dropped", async () => {
    answers["/run"] = [
      { status: 409, body: { code: "quote_changed", detail: "More.", contacts: 4_811, parts: 4_950, price: "0.1", cost: "495.0" } },
    ];
    const { exitCode, failure } = await run({ yes: true });
    expect({ exitCode, last: paths().at(-1) }).toEqual({ exitCode: 1, last: "/cancel" });
    expect(failure).toEqual([
      "not sent: it would be more than was agreed",
      "4,810 people for at most 494.2 credits (4,942 parts) were agreed; now it is 4,811 people for at most 495.0 credits (4,950 parts)",
      "nobody was texted and nothing was charged; send it again to see the new figures and decide",
    ]);
  });
});

const refusals = {
  column: {
    problem: {
      code: "phone_column_ambiguous",
      detail: "Two.",
      columns: ["Mobile", "Ring\u202eme"],
      column_numbers: ["2", "4"],
      counts: ["9", "8"],
    },
    fields: { phone_column_number: "4" },
    named: /--phone-column 2 for "Mobile".*--phone-column 4 for "Ringme"/,
  },
  encoding: {
    problem: { code: "csv_encoding_ambiguous", detail: "Two.", line: 3, encodings: ["windows-1252", "iso-8859-15"], readings: ["¤", "€"] },
    fields: { encoding: "iso-8859-15" },
    named: /--encoding windows-1252.*--encoding iso-8859-15/,
  },
  byte: {
    problem: { code: "csv_encoding_invalid", detail: "Line 3.", line: 3, byte: 0x81 },
    fields: { encoding: "iso-8859-15" },
    named: /--encoding windows-1252.*--encoding iso-8859-15/,
  },
  sheet: {
    problem: { code: "sheet_ambiguous", detail: "Two.", sheets: ["Spring", "Autumn"], numbers: ["3", "4"] },
    fields: { sheet: "Autumn" },
    named: /--sheet "Spring".*--sheet "Autumn"/,
  },
};

describe.each(Object.entries(refusals))("a file whose %s could be two", (_, { problem, fields, named }) => {
  const refusal = () => ({ status: 422, body: problem });

  it("is asked about in a terminal, by number, and sent as chosen", async () => {
    answers["/quote"] = [refusal()];
    answers["/run"] = [runRefused];
    const { shown } = await run({}, { typed: ["7", "2", "y"] });
    expect(shown).toContain("Which one? [1-2]");
    for (const path of ["/quote", "/create"]) for (const [name, value] of Object.entries(fields)) expect(fieldIn(path, name)).toBe(value);
  });

  it("ends with exit code 2 without a choice, and both are named with their option", async () => {
    for (const typed of [undefined, [""]]) {
      asked = [];
      answers["/quote"] = [refusal()];
      const { exitCode, failure } = await run(typed === undefined ? { yes: true } : {}, typed === undefined ? {} : { typed });
      expect({ exitCode, paths: paths() }).toEqual({ exitCode: 2, paths: ["/quote"] });
      expect(failure[2]).toMatch(named);
    }
  });

  it("that stays refused after the choice is refused, not asked about forever", async () => {
    answers["/quote"] = [refusal(), refusal()];
    const { exitCode } = await run({}, { typed: ["2", "2"] });
    expect({ exitCode, paths: paths() }).toEqual({ exitCode: 1, paths: ["/quote", "/quote"] });
  });
});

describe("options", () => {
  it("become fields of the form", async () => {
    const options = { sheet: "Spring", encoding: "latin1", hiddenRows: "include", emptyValues: "send", country: "SE", deadline: "2m" };
    await run({ ...options, dryRun: true, phoneColumn: "3" });
    const expected = {
      sheet: "Spring",
      encoding: "latin1",
      hidden_rows: "include",
      empty_values: "send",
      country: "SE",
      deadline_s: "120",
    };
    for (const [name, value] of Object.entries({ ...expected, phone_column_number: "3" })) expect(fieldIn("/quote", name)).toBe(value);
    await run({ dryRun: true, phoneColumn: "Work phone 2" });
    expect(fieldIn("/quote", "phone_column")).toBe("Work phone 2");
  });

  it("that mean nothing end with exit code 2 before anything is asked", async () => {
    for (const options of [{ hiddenRows: "no" }, { emptyValues: "yes" }, { deadline: "soon" }]) {
      const { exitCode } = await run({ ...options, yes: true });
      expect({ exitCode, asked }).toEqual({ exitCode: 2, asked: [] });
    }
  });
});

describe("names of files", () => {
  it("without a name, as long as can be, or that turn a line round are taken", async () => {
    for (const name of [".csv", `${"x".repeat(216)}.csv`, "\u202egnp.csv", "日本語 \u001b[2J.csv"]) {
      const path = join(folder, name);
      writeFileSync(path, "phone\n+358401234567\n");
      const { exitCode, raw } = await run({ dryRun: true }, { argument: path });
      expect(exitCode).toBe(0);
      for (const hidden of ["\u202e", "\u001b"]) expect(raw).not.toContain(hidden);
      expect(fieldIn("/quote", "name")).toBeUndefined();
    }
  });
});
