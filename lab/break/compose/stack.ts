// The whole system of compose.yaml as a project of its own on the local engine: fresh secrets, free
// ports, and nothing left of it at the end. Called by prove_compose.ts.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { databaseNames } from "../../../src/contracts/processes.ts";
import { freePort } from "../../../src/local/engines/free_port.ts";
import { type Container, parseContainers } from "./containers.ts";
import { CommandError, type CommandOptions, type DockerTools, runCommand } from "./docker.ts";

export const projectRoot = join(import.meta.dirname, "..", "..", "..");
export const image = "bulksms";

/** Seconds on an idle machine; the databases first make themselves. */
const upMaxMs = 600_000;
const downMaxMs = 180_000;

export interface Stack {
  project: string;
  webapiUrl: string;
  salesapiUrl: string;
  adminKey: string;
  up(signal: AbortSignal): Promise<void>;
  /** Runs `docker compose WORDS` on this project. @returns its standard output */
  compose(words: readonly string[], options?: CommandOptions): Promise<string>;
  containers(signal?: AbortSignal): Promise<Container[]>;
  /** All processes in the container die at once by SIGKILL. */
  kill(container: Container): Promise<void>;
  /** Removes containers, networks, volumes and secrets. @returns what is still there */
  down(): Promise<string[]>;
}

/**
 * @param settings variables of compose.yaml beside its secrets
 * @param pace what a service's environment gets beside its own
 */
export async function openStack(
  tools: DockerTools,
  settings: Readonly<Record<string, string>>,
  pace: Readonly<Record<string, Record<string, string>>>,
  signal: AbortSignal,
): Promise<Stack> {
  const project = `bulksms-proof-${randomBytes(4).toString("hex")}`;
  // as a user gets them, by the image alone
  const secrets = await runCommand(["docker", "run", "--rm", image, "settings", "--compose"], { signal });
  const ports = await freePorts();
  const folder = mkdtempSync(join(tmpdir(), "bulksms-compose-"));
  const environmentFile = join(folder, "env");
  const overrideFile = join(folder, "override.json");
  const variables = Object.entries({ ...ports, ...settings }).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(environmentFile, `${secrets}${variables.join("")}`, { mode: 0o600 });
  writeFileSync(overrideFile, JSON.stringify(overrideOf(pace)));

  const compose = (words: readonly string[], options: CommandOptions = {}): Promise<string> => {
    const files = ["--file", join(projectRoot, "compose.yaml"), "--file", overrideFile];
    const where = ["--project-name", project, "--env-file", environmentFile, ...files];
    return runCommand([...tools.compose, ...where, ...words], { ...options, folder: projectRoot });
  };
  return {
    project,
    webapiUrl: `http://127.0.0.1:${ports.WEBAPI_PORT}`,
    salesapiUrl: `http://127.0.0.1:${ports.SALESAPI_PORT}`,
    adminKey: /^BULKSMS_ADMIN_KEY=(.+)$/m.exec(secrets)?.[1] ?? "",
    compose,
    async up(upSignal) {
      await compose(["up", "--detach", "--no-build"], { limitMs: upMaxMs, signal: upSignal });
    },
    async containers(inspectSignal) {
      const ids = await listOf(project, "ps", ["--all", "--no-trunc"]);
      if (ids.length === 0) return [];
      return parseContainers(await runCommand(["docker", "inspect", ...ids], inspectSignal === undefined ? {} : { signal: inspectSignal }));
    },
    kill: killInside,
    async down() {
      // also what `compose run` has left of the service of another profile
      const words = ["--profile", "check", "down", "--volumes", "--remove-orphans", "--timeout", "10"];
      const failure = await compose(words, { limitMs: downMaxMs }).then(
        () => null,
        (error: Error) => error.message,
      );
      rmSync(folder, { recursive: true, force: true });
      const left = await leftOf(project).catch((error: Error) => [`nobody knows what: ${error.message}`]);
      return failure === null ? left : [...left, failure];
    },
  };
}

/**
 * From inside, because `docker kill` counts as stopping it by hand, after which the engine does not
 * restart it. PID 1 is docker-init, which ends when its only child has.
 */
async function killInside(container: Container): Promise<void> {
  await runCommand(["docker", "exec", container.id, "sh", "-c", "kill -KILL -1"]).catch((error: unknown) => {
    // the shell may die with the container; whether it did is seen by who called
    if (!(error instanceof CommandError)) throw error;
  });
}

/** The engines get an init, as our processes have: PID 1 cannot be killed from inside. */
function overrideOf(pace: Readonly<Record<string, Record<string, string>>>) {
  const engines = Object.fromEntries([...databaseNames, "redis"].map((name) => [name, { init: true }]));
  const paced = Object.fromEntries(Object.entries(pace).map(([name, environment]) => [name, { environment }]));
  return { services: { ...engines, ...paced } };
}

const portVariables = ["WEBAPI_PORT", "SALESAPI_PORT", "DS_PORT", "SALESDB_PORT", "REDIS_PORT"] as const;

async function freePorts(): Promise<Record<(typeof portVariables)[number], string>> {
  const taken = new Set<number>();
  const ports: [string, string][] = [];
  for (const name of portVariables) {
    const port = await freePort("127.0.0.1", 0, taken);
    taken.add(port);
    ports.push([name, String(port)]);
  }
  return Object.fromEntries(ports) as Record<(typeof portVariables)[number], string>;
}

async function listOf(project: string, ...[list, options]: [list: string, options: readonly string[]]): Promise<string[]> {
  const filter = ["--quiet", "--filter", `label=com.docker.compose.project=${project}`];
  return (await runCommand(["docker", ...list.split(" "), ...options, ...filter])).split("\n").filter((line) => line !== "");
}

async function leftOf(project: string): Promise<string[]> {
  const lists = [
    ["container", "ps", ["--all"]],
    ["volume", "volume ls", []],
    ["network", "network ls", []],
  ] as const;
  const found = await Promise.all(
    lists.map(async ([kind, list, options]) => (await listOf(project, list, options)).map((id) => `${kind} ${id}`)),
  );
  return found.flat();
}
