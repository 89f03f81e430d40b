import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { databaseNames, databaseRoles, processes, processNames } from "../contracts/processes.ts";
import { settings } from "../contracts/settings.ts";
import { renderComposeEnvironment, renderSettings } from "./settings.ts";

interface Service {
  command?: string[];
  entrypoint?: string[];
  user?: string;
  restart?: string;
  profiles?: string[];
  volumes?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  healthcheck?: { test: string[] };
  mem_limit?: string;
  depends_on?: Record<string, unknown>;
}
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const compose = parse(read("compose.yaml"), { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const engineNames = [...databaseNames, "redis"];

test(".env.example is what `bulksms settings` prints", () => {
  expect(read(".env.example")).toBe(renderSettings());
});

test.each(processNames)("compose.yaml runs %s by its command, watches its health endpoint, and limits its memory", (name) => {
  const service = compose.services[name] as Service;
  const entry = processes[name];
  expect(service.command).toEqual(entry.command);
  const healthPort = (entry.management ?? entry.listener)?.defaultPort;
  expect(service.healthcheck?.test).toEqual(["CMD", "node", "bin/healthy.js", String(healthPort)]);
  expect(service.mem_limit).toBeDefined();
});

test.each(processNames)("compose.yaml gives %s the database of the process table and no other", (name) => {
  const urls = Object.keys(compose.services[name]?.environment ?? {}).filter((setting) => setting.endsWith("_DATABASE_URL"));
  expect(urls).toEqual(processes[name].database === null ? [] : [`BULKSMS_${name.toUpperCase()}_DATABASE_URL`]);
  expect("BULKSMS_REDIS_URL" in (compose.services[name]?.environment ?? {})).toBe(processes[name].usesRedis);
});

test("compose.yaml names only settings that exist, and publishes ports on loopback alone", () => {
  for (const [name, service] of Object.entries(compose.services)) {
    for (const setting of Object.keys(service.environment ?? {})) {
      if (setting.startsWith("POSTGRES_")) continue;
      expect(settings, `${name} ${setting}`).toHaveProperty(setting);
    }
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
  expect(Object.keys(compose.services).sort()).toEqual([...processNames, ...engineNames, "migrate", "check"].sort());
});

test("compose.yaml lets the port of everything that it publishes be chosen, each by a variable of its own", () => {
  const published = Object.entries(compose.services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port] as const));
  expect(published.map(([name]) => name)).toEqual([...engineNames, "webapi", "salesapi"]);
  for (const [name, port] of published)
    expect(port).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\$\\{${name.toUpperCase()}_PORT:-\\d+\\}:\\d+$`));
});

test("in compose.yaml all that lasts has a health check and is restarted; what runs once has neither", () => {
  for (const name of [...processNames, ...engineNames]) {
    expect(compose.services[name], name).toMatchObject({ restart: "unless-stopped", healthcheck: { test: expect.anything() } });
  }
  for (const name of ["migrate", "check"]) {
    expect(compose.services[name]?.restart, name).toBe("no");
    expect(compose.services[name], name).not.toHaveProperty("healthcheck");
  }
});

test("everything of ours runs without privileges: uid 1000 of the image, no capability, nothing written but in volumes", () => {
  const [, finalStage = ""] = read("Dockerfile").split(/^FROM .*(?<!AS build)$/m);
  expect(finalStage.match(/^USER .*$/gm)).toEqual(["USER 1000:1000"]);
  for (const name of [...processNames, "migrate", "check"]) {
    const service = compose.services[name] as Service;
    expect(service, name).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    // the image's own user, unless a service says otherwise
    expect(service.user, name).toBeUndefined();
  }
});

test("`docker compose run --rm check` starts only when asked, with the audit's roles and the journal, which it cannot write", () => {
  const check = compose.services.check as Service;
  expect(check.profiles).toEqual(["check"]);
  expect(check.entrypoint).toEqual(["node", "bin/bulksms.js", "check"]);
  const urls = Object.keys(check.environment ?? {}).filter((setting) => setting.endsWith("_URL"));
  expect(urls).toEqual(databaseNames.map((database) => databaseRoles[database].check));
  const { volumes: written = [], environment = {} } = journalOwner();
  expect(check.volumes).toEqual(written.map((volume) => `${volume}:ro`));
  // the folder of the journal has one setting, which both read
  for (const [setting, folder] of Object.entries(environment).filter(([setting]) => setting.endsWith("_DATA"))) {
    expect(check.environment?.[setting]).toBe(folder);
  }
});

test("the journal of the simulated network lies in the volume `carrier`, whatever its process is called, so that an upgrade finds it", () => {
  expect(journalOwner().volumes).toEqual(["carrier:/data"]);
  expect(compose.volumes).toHaveProperty("carrier", null);
});

/** The one process that has no database: what it keeps is its journal. */
function journalOwner(): Service {
  const names = processNames.filter((name) => processes[name].database === null);
  expect(names).toHaveLength(1);
  return compose.services[names[0] as string] as Service;
}

test("`bulksms settings --compose` fills in every variable that compose.yaml asks for, each secret another", () => {
  let count = 0;
  const environment = renderComposeEnvironment(() => `secret-number-${String(count++).padStart(4, "0")}`);
  const given = new Set([...environment.matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]));
  const asked = new Set([...read("compose.yaml").matchAll(/\$\{([A-Z_]+):\?/g)].map((match) => match[1]));
  expect([...asked].filter((name) => !given.has(name))).toEqual([]);
  expect(new Set(environment.match(/secret-number-\d{4}/g)).size).toBe(count);
});
