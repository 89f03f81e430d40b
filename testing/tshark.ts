// tshark as an oracle of SMPP: what it reads in captured bytes.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CapturedChunk, writePcap } from "./capture.ts";

const port = 2775;

const fields = [
  "smpp.command_id",
  "smpp.sequence_number",
  "smpp.command_status",
  "smpp.message_id",
  "smpp.destination_addr",
  "smpp.receipted_message_id",
] as const;
type TsharkField = (typeof fields)[number];

export interface TsharkReading {
  /** Frames in which it found something malformed. */
  malformed: string[];
  /** Values of the field in all PDUs, in their order. */
  values(field: TsharkField): string[];
}

export function readWithTshark(tshark: string, chunks: readonly CapturedChunk[]): TsharkReading {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-tshark-"));
  try {
    const file = join(folder, "capture.pcap");
    writePcap(file, chunks, port);
    const run = (...args: string[]): string[] =>
      execFileSync(tshark, ["-r", file, "-d", `tcp.port==${port},smpp`, ...args], {
        encoding: "utf8",
        maxBuffer: 1 << 28,
        stdio: ["ignore", "pipe", "ignore"],
      })
        .split("\n")
        .filter((line) => line !== "");
    const malformed = run("-Y", "_ws.malformed || _ws.expert.severity >= 8388608"); // errors
    const wanted = fields.flatMap((field) => ["-e", field]);
    const rows = run("-Y", "smpp", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=/s", ...wanted).map((line) => line.split("\t"));
    return {
      malformed,
      values: (field) => rows.flatMap((row) => (row[fields.indexOf(field)] ?? "").split(" ").filter((value) => value !== "")),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
