// `report` against a small server that answers as salesapi does; the joining itself is held by
// contacts/exports/exports.test.ts.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeWorkbook, textRow } from "../../testing/workbooks.ts";
import { Failure } from "./failure.ts";
import { type ReportOptions, report } from "./report.ts";

const id = "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f";
const head = "\ufeffline,row_no,msisdn,status,reason,parts,error_code,sent_at,done_at\r\n";
const row = (line: number, msisdn: string) => `${line},${line - 1},"=""${msisdn}""",delivered,arrived,1,,,\r\n`;
const whole = `${head}${row(2, "+358401234501")}${row(4, "+358401234502")}`;
const rejects = "\ufeffname,phone,line,reason,what_to_do\r\nBen,abc,3,msisdn_letters,x\r\n";

const folder = mkdtempSync(join(tmpdir(), "bulksms-report-test-"));
const sent = join(folder, "sent.csv");
/** Where the command keeps what it joins. */
const kept = join(folder, "kept");
const temporary = process.env.TMPDIR;
let server: Server;
let url: string;
let asked: { method: string; path: string; bytes: number }[] = [];
let answers: Record<string, { status: number; body: string }> = {};

beforeAll(async () => {
  mkdirSync(kept);
  process.env.TMPDIR = kept;
  writeFileSync(sent, "name,phone\nAda,0401234501\nBen,abc\nCy,0401234502\n");
  server = createServer(async (request, response) => {
    let bytes = 0;
    for await (const piece of request) bytes += (piece as Buffer).length;
    asked.push({ method: request.method as string, path: request.url as string, bytes });
    const { status, body } = answers[request.url as string] ?? {
      status: 404,
      body: '{"code":"bulksms_not_found","detail":"There is none."}',
    };
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  if (temporary === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = temporary;
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  asked = [];
  answers = {
    [`/bulksms/${id}`]: { status: 200, body: JSON.stringify({ id, country: "FI" }) },
    [`/bulksms/${id}/report.csv`]: { status: 200, body: whole },
    [`/bulksms/${id}/rejects.csv`]: { status: 200, body: rejects },
  };
});

async function run(options: ReportOptions = {}, { piped = "", isTTY = false, of = id } = {}) {
  const input = new PassThrough();
  input.end(piped);
  const output = Object.assign(new PassThrough(), { isTTY });
  let shown = "";
  output.on("data", (piece) => {
    shown += piece;
  });
  const environment = { BULKSMS_SALESAPI_URL: url, BULKSMS_WEBAPI_URL: url, BULKSMS_API_KEY: "key" };
  const outcome = await report(of, { data: folder, ...options }, { input, output, environment }).catch((error: unknown) => error);
  if (typeof outcome === "number") return { exitCode: outcome, shown, failure: [] };
  if (!(outcome instanceof Failure)) throw outcome;
  return { exitCode: outcome.exitCode, shown, failure: [outcome.message, outcome.why, outcome.remedy] };
}

const joinedRows = ['Ada,"=""0401234501"""', 'Cy,"=""0401234502"""'];

describe("the report", () => {
  it("is written as it comes, to standard output or to a file", async () => {
    expect(await run()).toEqual({ exitCode: 0, shown: whole, failure: [] });
    expect(await run({ rejects: true })).toMatchObject({ exitCode: 0, shown: rejects });
    const output = join(folder, "out.csv");
    expect(await run({ output })).toMatchObject({ exitCode: 0, shown: "" });
    expect(readFileSync(output, "utf8")).toBe(whole);
  });

  it("ends quietly when nobody reads on", async () => {
    answers[`/bulksms/${id}/report.csv`] = { status: 200, body: whole + row(5, "+358401234503").repeat(20_000) };
    const output = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
      },
    });
    const environment = { BULKSMS_SALESAPI_URL: url, BULKSMS_WEBAPI_URL: url, BULKSMS_API_KEY: "key" };
    expect(await report(id, { data: folder }, { input: new PassThrough(), output, environment })).toBe(0);
  });

  it("shows a terminal nothing that moves its cursor", async () => {
    answers[`/bulksms/${id}/rejects.csv`] = { status: 200, body: `${rejects}\u001b[2Jb\u202e,c,4,x,y\r\n` };
    const { shown } = await run({ rejects: true }, { isTTY: true });
    expect(shown).toContain("U+001B[2JbU+202E,c,4");
    expect(shown.startsWith("name,phone,line")).toBe(true);
  });

  it("of no campaign, or in a place that is none, is refused and leaves nothing", async () => {
    expect(await run({}, { of: "x/../y" })).toMatchObject({
      exitCode: 1,
      shown: "",
      failure: ["there is no report", "There is none. (bulksms_not_found)", expect.anything()],
    });
    expect(asked.map(({ path }) => path)).toEqual(["/bulksms/x%2F..%2Fy/report.csv"]);
    const nowhere = join(folder, "none", "out.csv");
    expect(await run({ output: nowhere })).toMatchObject({
      exitCode: 2,
      failure: [`${nowhere} cannot be written`, "its folder does not exist", expect.anything()],
    });
    expect(await run({ output: folder })).toMatchObject({ exitCode: 2 });
    const output = join(folder, "refused.csv");
    expect(await run({ output }, { of: "none" })).toMatchObject({ exitCode: 1 });
    expect([existsSync(output), existsSync(`${output}.part`)]).toEqual([false, false]);
  });
});

describe("joined with a file", () => {
  it("has the file's own columns, and nothing of it is sent", async () => {
    const { shown, exitCode } = await run({ join: sent });
    const lines = shown.trimEnd().split("\r\n");
    expect([exitCode, lines[0]]).toEqual([0, `${head.trimEnd()},name,phone`]);
    expect(lines.slice(1).map((line) => line.split(",,,,").at(-1))).toEqual(joinedRows);
    expect((await run({ join: sent, rejects: true })).shown).toContain("\r\nBen,abc,3,msisdn_letters,Write the number");
    expect(asked.every(({ method, bytes }) => method === "GET" && bytes === 0)).toBe(true);
    expect(readdirSync(kept)).toEqual([]);
  });

  it("is taken from standard input, in other encodings, and from a workbook with its hidden rows", async () => {
    const piped = "name,phone\nV\u00e4in\u00f6,0401234501\nBen,abc\nCy,0401234502\n";
    expect((await run({ join: "-" }, { piped })).shown).toContain(",Väinö,");
    const latin = join(folder, "latin.csv");
    writeFileSync(latin, Buffer.from(piped, "latin1"));
    expect((await run({ join: latin })).shown).toContain(",Väinö,");
    const book = join(folder, "book.xlsx");
    const hidden = textRow("Cy", "0401234502").replace("<row", '<row hidden="1"');
    writeFileSync(
      book,
      makeWorkbook({
        sheets: [{ name: "S", rows: `${textRow("name", "phone")}${textRow("Ada", "0401234501")}${textRow("Ben", "abc")}${hidden}` }],
      }),
    );
    expect((await run({ join: book })).shown).toMatch(/;Ada;.*\r\n.*;Cy;/);
  });

  it("is refused with the first line that differs, before anything is written", async () => {
    const other = join(folder, "other.csv");
    writeFileSync(other, "name,phone\nAda,0401234501\nBen,abc\nCy,0401234599\n");
    const output = join(folder, "joined.csv");
    for (const refused of [await run({ join: other }), await run({ join: other, output })]) {
      expect(refused).toMatchObject({ exitCode: 1, shown: "" });
      expect(refused.failure.slice(0, 2)).toEqual([
        "other.csv does not fit the campaign",
        'Line 4: the campaign has +358401234502 from it; the file has "0401234599" there.',
      ]);
    }
    expect(existsSync(output)).toBe(false);
    expect((await run({ join: join(folder, "none.csv") })).exitCode).toBe(2);
  });

  it("asks for what it cannot tell by the option that says it", async () => {
    const ambiguous = join(folder, "ambiguous.csv");
    writeFileSync(ambiguous, Buffer.from("name,phone\n\xbd,0401234501\nBen,abc\nCy,0401234502\n", "latin1"));
    const refused = await run({ join: ambiguous });
    expect([refused.exitCode, refused.failure[2]]).toEqual([2, expect.stringContaining("--encoding iso-8859-15")]);
    expect((await run({ join: ambiguous, encoding: "latin9" })).shown).toContain(",œ,");
    expect((await run({ join: ambiguous, encoding: "ebcdic" })).failure[0]).toBe("--encoding ebcdic is not possible");
    expect((await run({ encoding: "utf-8" })).failure[0]).toContain("there is none");
    const sheets = join(folder, "sheets.xlsx");
    const rows = `${textRow("name", "phone")}${textRow("Ada", "0401234501")}${textRow("Ben", "abc")}${textRow("Cy", "0401234502")}`;
    writeFileSync(
      sheets,
      makeWorkbook({
        sheets: [
          { name: "Old", rows },
          { name: "New", rows },
        ],
      }),
    );
    expect((await run({ join: sheets })).failure[2]).toContain('--sheet "New"');
    expect((await run({ join: sheets, sheet: "New" })).exitCode).toBe(0);
  });
});
