// One judge: the same file gets the same verdict from the console's worker, the command line and
// HTTP, and nobody's answer is a guess of its own.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SendOptions, send } from "../src/cli/send.ts";
import { judgeFile } from "../src/console/send/judge_file.ts";
import { type Judgement, noChoices } from "../src/console/send/judgement.ts";
import { formatCredits } from "../src/contracts/credits.ts";
import type { CreateAnswer } from "../src/contracts/http.ts";
import { answerOfList } from "../src/contracts/prices.ts";
import type { QuoteAnswer } from "../src/contracts/quote.ts";
import { uploadForm } from "./api_client.ts";
import { firstPriceList } from "./prices.ts";
import { type SalesNodes, startSalesNodes } from "./sales_nodes.ts";

let nodes: SalesNodes;
let key: string;
const folder = mkdtempSync(join(tmpdir(), "bulksms-one-judge-"));
beforeAll(async () => {
  nodes = await startSalesNodes({ isWithoutWorker: true });
  ({ key } = await nodes.credit.makeWorkspace("100"));
}, 60_000);
afterAll(async () => {
  await nodes?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What each of them says of a file, in one form. */
interface Verdict {
  column: { name: string; number: number };
  encoding: string | null;
  contacts: number;
  parts: number;
  cost: string;
  /** Lines by reason. */
  rejects: Record<string, number[]>;
}

let lastId = 0;

async function byConsole(bytes: Uint8Array, text: string): Promise<Verdict> {
  const file = new File([new Uint8Array(bytes)], "list.csv", { lastModified: ++lastId });
  const request = {
    id: lastId,
    file,
    text,
    country: "FI",
    partsMax: 10,
    priceList: answerOfList(firstPriceList),
    countries: null,
    ...noChoices,
  };
  const { problem, header, phone, ...judged } = (await judgeFile(request, { onNews: () => {}, isWanted: () => true })) as Judgement;
  expect(problem).toBeNull();
  return {
    column: { name: header[phone as number] as string, number: (phone as number) + 1 },
    encoding: judged.file?.encoding ?? null,
    contacts: judged.contacts,
    parts: judged.parts,
    cost: formatCredits(BigInt(judged.costMilli)),
    rejects: Object.fromEntries(Object.entries(judged.rejects).map(([reason, { lines }]) => [reason, lines.map(({ line }) => line)])),
  };
}

const quoted = ({ phone_column: { name, number }, file, contacts, parts, cost, rejects }: QuoteAnswer): Verdict => ({
  column: { name, number },
  encoding: file.encoding,
  contacts,
  parts,
  cost,
  rejects: Object.fromEntries(Object.entries(rejects).map(([reason, { first }]) => [reason, first.map(({ line }) => line)])),
});

/** `bulksms send FILE --text ... --dry-run --json`. */
async function byCommandLine(bytes: Uint8Array, text: string): Promise<Verdict> {
  const path = join(folder, `list${++lastId}.csv`);
  writeFileSync(path, bytes);
  const [output, errors] = [new PassThrough(), new PassThrough()];
  errors.resume();
  const options: SendOptions = { text, country: "FI", dryRun: true, json: true, data: folder };
  const { salesapiUrl } = nodes;
  const environment = { BULKSMS_SALESAPI_URL: salesapiUrl, BULKSMS_WEBAPI_URL: salesapiUrl, BULKSMS_API_KEY: key };
  expect(await send(path, options, { input: new PassThrough(), output, errors, environment })).toBe(0);
  return quoted(JSON.parse(String(output.read())) as QuoteAnswer);
}

const formOf = (bytes: Uint8Array, text: string): FormData => uploadForm(bytes, { text, country: "FI" }, "list.csv");

async function byQuote(bytes: Uint8Array, text: string): Promise<Verdict> {
  const { status, body } = await nodes.http("POST", "/quote", { key, body: formOf(bytes, text) });
  expect(status, JSON.stringify(body)).toBe(200);
  return quoted(body);
}

async function byCreate(bytes: Uint8Array, text: string): Promise<Verdict> {
  const { status, body } = await nodes.http("POST", "/create", { key, body: formOf(bytes, text) });
  expect(status, JSON.stringify(body)).toBe(201);
  const { phone_column, file, contacts, parts, cost, rejects_sample: sample } = body as CreateAnswer;
  const rejects: Verdict["rejects"] = {};
  for (const { line, reason } of sample) rejects[reason] = [...(rejects[reason] ?? []), line];
  const { name, number } = phone_column as QuoteAnswer["phone_column"];
  return { column: { name, number }, encoding: file?.encoding ?? null, contacts, parts, cost, rejects };
}

const judges = { "the console's worker": byConsole, "bulksms send --dry-run": byCommandLine, "/quote": byQuote, "/create": byCreate };

describe("an export of Excel in Finland: sep=;, Windows-1252, footnote marks, a ragged row", () => {
  const bytes = readFileSync(join(import.meta.dirname, "fixtures", "finnish_export.csv"));
  const text = `Hei {etunimi}! ${"Kirjasto on suljettu. ".repeat(4)}`;

  it.each(Object.entries(judges))("is judged alike by %s", async (_, judge) => {
    expect(await judge(bytes, text)).toEqual({
      column: { name: "Matkapuhelin", number: 3 },
      encoding: "windows-1252",
      contacts: 5,
      // an en dash in one name makes its text two parts
      parts: 6,
      cost: "0.6",
      rejects: {
        duplicate: [6],
        msisdn_too_short: [7],
        row_ragged: [8],
        value_empty: [9],
        msisdn_not_mobile: [11],
        msisdn_invalid: [12],
      },
    });
  });
});

describe("csv-spectrum's files with a phone column added", () => {
  const spectrum = join(dirname(fileURLToPath(import.meta.resolve("csv-spectrum"))), "csvs");
  const files = readdirSync(spectrum).filter((name) => name.endsWith(".csv"));

  /** Each record as it stands, byte by byte, behind a cell with a number of its own. */
  function withPhones(csv: string): { bytes: Buffer; column: string; rows: number } {
    const records = parse(csv, { raw: true, relax_column_count: true, relax_quotes: true }) as unknown as {
      record: string[];
      raw: string;
    }[];
    const lines = records.map(({ raw }, row) => `${row === 0 ? "phone" : `04012345${String(row).padStart(2, "0")}`},${raw.trimStart()}`);
    return { bytes: Buffer.from(lines.join(""), "latin1"), column: records[0]?.record[0] as string, rows: records.length - 1 };
  }

  it("are all there", () => expect(files.length).toBeGreaterThanOrEqual(12));

  it.each(files)("%s is taken by all, alike", async (name) => {
    const { bytes, column, rows } = withPhones(readFileSync(join(spectrum, name), "latin1"));
    for (const [who, judge] of Object.entries(judges)) {
      const verdict = await judge(bytes, `Hi {${column}|friend}`);
      expect({ who, ...verdict }).toMatchObject({ who, column: { name: "phone", number: 1 }, contacts: rows, rejects: {} });
    }
  });
});
