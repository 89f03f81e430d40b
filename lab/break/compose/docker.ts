// The Docker engine by its command line, and Compose in both of its forms: the plugin
// (`docker compose`) and the older program (`docker-compose`). Called by prove_compose.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { Failure } from "../../../src/cli/failure.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";

/** A command that failed or took too long, with the end of what it printed. */
export class CommandError extends Error {
  /** null: it could not be started at all. */
  readonly exitCode: number | null;

  constructor(message: string, exitCode: number | null) {
    super(message);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

export interface CommandOptions {
  limitMs?: number;
  /** Ends the command, with the plugins and builders that it started, by SIGTERM. */
  signal?: AbortSignal;
  folder?: string;
  /** Beside 0: what the command says by them is read from its output. */
  acceptsExitCodes?: readonly number[];
  /** Standard error is part of the answer, as with `docker logs`. */
  includesErrors?: boolean;
}

const limitMsDefault = 60_000;
/** What of a failed command's output is shown. */
const outputLinesMax = 8;

/** Docker's client, its endpoint and builder; nothing that Compose would take for a variable. */
export function dockerEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isForeign = (name: string) => /^(?:BULKSMS_|COMPOSE_|(?:WEBAPI|SALESAPI|DS|SALESDB|REDIS)_(?:PORT|PASSWORD)$)/.test(name);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isForeign(name)));
}

/** Runs a command to its end. @returns its output @throws CommandError, or the signal's reason */
export function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { limitMs = limitMsDefault, signal, folder, acceptsExitCodes = [], includesErrors = false } = options;
  const [program = "", ...words] = command;
  const shown = command.slice(0, 4).join(" ");
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // its own process group: Ctrl-C reaches this process alone, which then takes everything down
    const child = spawn(program, words, {
      env: dockerEnvironment(process.env),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      ...(folder === undefined ? {} : { cwd: folder }),
    });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    let isOverdue = false;
    const overdue = setTimeout(() => {
      isOverdue = true;
      endGroup(child, "SIGKILL");
    }, limitMs);
    const interrupt = () => endGroup(child, "SIGTERM");
    signal?.addEventListener("abort", interrupt, { once: true });
    const settle = () => {
      clearTimeout(overdue);
      signal?.removeEventListener("abort", interrupt);
    };
    child.once("error", (error) => {
      settle();
      reject(new CommandError(`${program} could not be started: ${error.message}`, null));
    });
    child.once("close", (exitCode) => {
      settle();
      if (signal?.aborted === true) return reject(signal.reason);
      const isAccepted = exitCode !== null && [0, ...acceptsExitCodes].includes(exitCode);
      if (isAccepted && !isOverdue) return resolve(includesErrors ? output + errors : output);
      const ending = isOverdue ? `took longer than ${limitMs / 1_000} s` : `ended with exit code ${exitCode}`;
      reject(new CommandError(`${shown} ${ending}${lastLines(`${output}\n${errors}`)}`, exitCode));
    });
  });
}

/** All of its process group: a child that lived on would hold its output open. */
function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // it has ended
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function lastLines(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines
    .slice(-outputLinesMax)
    .map((line) => `\n  ${line}`)
    .join("");
}

export interface DockerTools {
  engineVersion: string;
  /** Words of the command: `docker compose`, or `docker-compose`. */
  compose: readonly string[];
  composeVersion: string;
}

/** @throws Failure (exit code 3) when there is no engine or no Compose */
export async function findDocker(): Promise<DockerTools> {
  const engineVersion = await runCommand(["docker", "version", "--format", "{{.Server.Version}}"]).catch((error: Error) => {
    const why = (error as CommandError).exitCode === null ? "the command docker is not installed" : error.message;
    throw new Failure(exitCodes.noAnswer, "no Docker engine answers", why, "install Docker and start its engine");
  });
  for (const compose of [["docker", "compose"], ["docker-compose"]]) {
    const version = await runCommand([...compose, "version", "--short"]).catch(() => null);
    if (version !== null) return { engineVersion: engineVersion.trim(), compose, composeVersion: version.trim() };
  }
  throw new Failure(
    exitCodes.noAnswer,
    "Docker Compose is missing",
    "neither `docker compose` nor `docker-compose` answers",
    "install the Compose plugin of Docker (or Debian's docker-compose)",
  );
}

/** Pulls what is missing. @throws Failure (exit code 3) that names the first image not to be had */
export async function requireImages(images: readonly string[], signal: AbortSignal): Promise<void> {
  for (const image of images) {
    const isThere = await runCommand(["docker", "image", "inspect", image], { signal }).catch(nullWhenFailed);
    if (isThere !== null) continue;
    await runCommand(["docker", "pull", "--quiet", image], { limitMs: 300_000, signal }).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      throw new Failure(
        exitCodes.noAnswer,
        `the image ${image} is not here and cannot be pulled`,
        error.message,
        "give the engine access to a registry, or build stand-ins: lab/break/compose/standins.sh",
      );
    });
  }
}

/** Images that others are built on: those with a tag in Dockerfile and compose.yaml. */
export function baseImages(dockerfile: string, composeFile: string): string[] {
  const found = [...dockerfile.matchAll(/^FROM (\S+:\S+)/gm), ...composeFile.matchAll(/^ +image: (\S+:\S+)$/gm)];
  return [...new Set(found.map(([, image]) => image as string))].sort();
}

function nullWhenFailed(error: unknown): null {
  if (error instanceof CommandError) return null;
  throw error;
}
