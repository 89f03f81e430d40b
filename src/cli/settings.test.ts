import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { processes, processNames } from "../contracts/processes.ts";
import { settings } from "../contracts/settings.ts";
import { renderComposeEnvironment, renderSettings } from "./settings.ts";

interface Service {
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  healthcheck?: { test: string[] };
  mem_limit?: string;
  depends_on?: Record<string, unknown>;
}
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const compose = parse(read("compose.yaml"), { merge: true }) as { services: Record<string, Service> };

test(".env.example is what `bulksms settings` prints", () => {
  expect(read(".env.example")).toBe(renderSettings());
});

test.each(processNames)("compose.yaml runs %s by its command, watches its health door, and limits its memory", (name) => {
  const service = compose.services[name] as Service;
  const entry = processes[name];
  expect(service.command).toEqual(entry.command);
  const healthPort = (entry.management ?? entry.door)?.defaultPort;
  expect(service.healthcheck?.test).toEqual(["CMD", "node", "bin/healthy.js", String(healthPort)]);
  expect(service.mem_limit).toBeDefined();
});

test.each(processNames)("compose.yaml gives %s the database of the process table and no other", (name) => {
  const urls = Object.keys(compose.services[name]?.environment ?? {}).filter((setting) => setting.endsWith("_DATABASE_URL"));
  expect(urls).toEqual(processes[name].database === null ? [] : [`BULKSMS_${name.toUpperCase()}_DATABASE_URL`]);
  expect("BULKSMS_REDIS_URL" in (compose.services[name]?.environment ?? {})).toBe(processes[name].usesRedis);
});

test("compose.yaml names only settings that exist, and publishes doors on loopback alone", () => {
  for (const [name, service] of Object.entries(compose.services)) {
    for (const setting of Object.keys(service.environment ?? {})) {
      if (setting.startsWith("POSTGRES_")) continue;
      expect(settings, `${name} ${setting}`).toHaveProperty(setting);
    }
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
  expect(Object.keys(compose.services).sort()).toEqual([...processNames, "ds", "salesdb", "redis", "migrate"].sort());
});

test("`bulksms settings --compose` fills in every variable that compose.yaml asks for, each secret another", () => {
  let count = 0;
  const environment = renderComposeEnvironment(() => `secret-number-${String(count++).padStart(4, "0")}`);
  const given = new Set([...environment.matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]));
  const asked = new Set([...read("compose.yaml").matchAll(/\$\{([A-Z_]+):\?/g)].map((match) => match[1]));
  expect([...asked].filter((name) => !given.has(name))).toEqual([]);
  expect(new Set(environment.match(/secret-number-\d{4}/g)).size).toBe(count);
});
