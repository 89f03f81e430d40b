// How a running system looks in a terminal: one table of addresses as it comes up, then lines of
// events. Used by `bulksms up` and `bulksms demo`.
import { relative } from "node:path";
import { styleText } from "node:util";
import { type ProcessName, processes, processNames } from "../contracts/processes.ts";
import type { Supervisor, SupervisorEvent } from "../local/supervisor.ts";

const nameWidth = 16;
const addressWidth = 64;
/** Log levels shown without --verbose. */
const loudLevels = new Set(["warn", "error", "fatal"]);

type Colour = "cyan" | "dim" | "yellow" | "red";

export interface DisplayOptions {
  write(text: string): void;
  hasColour: boolean;
  isVerbose: boolean;
}

/**
 * Prints events as they come. Log lines of processes are held back until `openLog`, so that the
 * table stays whole.
 */
export interface SystemDisplay {
  head(dataFolder: string, facts?: readonly string[]): void;
  onEvent(event: SupervisorEvent): void;
}

export function createSystemDisplay(options: DisplayOptions): SystemDisplay {
  const paint = (colour: Colour, text: string) => (options.hasColour ? styleText(colour, text, { validateStream: false }) : text);
  const print = (line: string) => options.write(`${line}\n`);
  const row = (name: string, text: string, note: string) =>
    print(`  ${paint("cyan", name.padEnd(nameWidth))}${text.padEnd(addressWidth)}${paint("dim", note)}`.trimEnd());
  const postgres = new Map<string, { address: string; readyMs: number; isEmbedded: boolean }>();
  const everReady = new Set<string>();

  const engineReady = (event: Extract<SupervisorEvent, { type: "engine_ready" }>): void => {
    if (everReady.has(event.name)) {
      row(event.name, event.address, "back");
      return;
    }
    everReady.add(event.name);
    const note = event.isEmbedded ? `${(event.readyMs / 1_000).toFixed(1)} s` : "yours";
    if (event.name === "redis") {
      row("redis", event.address, note);
      return;
    }
    postgres.set(event.name, event);
    const [ds, salesdb] = [postgres.get("ds"), postgres.get("salesdb")];
    if (ds === undefined || salesdb === undefined) return;
    const slowestMs = Math.max(ds.readyMs, salesdb.readyMs);
    const both = ds.isEmbedded || salesdb.isEmbedded ? `${(slowestMs / 1_000).toFixed(1)} s` : "yours";
    row("postgres", `ds ${ds.address} · salesdb ${salesdb.address}`, both);
  };

  return {
    head(dataFolder, facts = []) {
      const place = relative(process.cwd(), dataFolder);
      const shown = place.startsWith("..") ? dataFolder : place || ".";
      print(`\n  ${["bulksms", `data in ${shown}`, ...facts].join(" · ")}\n`);
    },
    onEvent(event) {
      switch (event.type) {
        case "engine_fetching":
          return print(`  ${paint("dim", `${event.name} is not installed: fetching it from your Debian packages, once`)}`);
        case "engine_ready":
          return engineReady(event);
        case "engine_died":
          return print(`  ${paint("red", event.name.padEnd(nameWidth))}died (pid ${event.pid}), starting it again`);
        case "port_moved":
          return print(`  ${paint("yellow", event.name.padEnd(nameWidth))}port ${event.wanted} is busy, taking ${event.port}`);
        case "left_over_ended":
          return print(`  ${paint("yellow", event.name.padEnd(nameWidth))}was left by an earlier run (pid ${event.pid}), ended`);
        case "process_ready": {
          if (everReady.has(event.name)) row(event.name, `ready again, pid ${event.pid}`, `${(event.readyMs / 1_000).toFixed(1)} s`);
          everReady.add(event.name);
          return;
        }
        case "process_died": {
          const how = event.signal ?? `exit code ${event.code}`;
          return print(`  ${paint("red", event.name.padEnd(nameWidth))}died (${how}, pid ${event.pid}), starting it again`);
        }
        case "line":
          return printLine(event, options, paint);
        case "stopping":
          return print(`\n  ${paint("dim", "stopping: processes drain, then the engines end (Ctrl-C again: at once)")}`);
        default:
          return;
      }
    },
  };
}

/**
 * The six endpoints, in the order of the process table, each with the process to kill -9; printed
 * when all are ready.
 */
export function addressTable(system: Pick<Supervisor, "addresses" | "pids">, options: Pick<DisplayOptions, "hasColour">): string {
  const [addresses, pids] = [system.addresses(), system.pids()];
  const paint = (colour: Colour, text: string) => (options.hasColour ? styleText(colour, text, { validateStream: false }) : text);
  return processNames
    .filter((name) => addresses[name] !== undefined)
    .map((name: ProcessName) => {
      const address = (addresses[name] ?? "").padEnd(26);
      return `  ${paint("cyan", name.padEnd(nameWidth))}${address}${processes[name].description.padEnd(addressWidth - 26)}${paint("dim", `pid ${pids[name] ?? "?"}`)}\n`;
    })
    .join("");
}

function printLine(
  event: Extract<SupervisorEvent, { type: "line" }>,
  options: DisplayOptions,
  paint: (colour: Colour, text: string) => string,
): void {
  const entry = parseEntry(event.line);
  const level = entry?.level ?? (event.stream === "stderr" ? "warn" : "info");
  if (!options.isVerbose && !loudLevels.has(level)) return;
  const colour: Colour = level === "error" || level === "fatal" ? "red" : level === "warn" ? "yellow" : "dim";
  const prefix = `  ${paint("cyan", event.name.padEnd(nameWidth))}`;
  if (entry === null) options.write(`${prefix}${event.line}\n`);
  else options.write(`${prefix}${paint("dim", entry.time)} ${paint(colour, level.padEnd(5))} ${entry.text}\n`);
}

/** A line of our own log in readable form; null for any other line. */
function parseEntry(line: string): { time: string; level: string; text: string } | null {
  if (!line.startsWith("{")) return null;
  try {
    const {
      level,
      time,
      event,
      message,
      process: _process,
      pid: _pid,
      stack: _stack,
      ...facts
    } = JSON.parse(line) as Record<string, unknown>;
    const pairs = Object.entries(facts).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    return {
      time: String(time ?? "").slice(11, 19),
      level: String(level ?? "info"),
      text: [event, message, ...pairs].filter((word) => word !== undefined).join("  "),
    };
  } catch {
    return null;
  }
}
