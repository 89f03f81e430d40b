// The settings that each process of one machine's system is given.
import { expect, test } from "vitest";
import { databaseNames, databaseRoles, type ProcessName, processNames } from "../contracts/processes.ts";
import { type SettingName, settings } from "../contracts/settings.ts";
import { ConfigError } from "../platform/config.ts";
import { givenSettings, neighbourSettings, roleUrls, settingsOf } from "./system_settings.ts";

const all = Object.fromEntries(Object.keys(settings).map((name) => [name, `value of ${name}`])) as Record<SettingName, string>;

test("a process is told its own database alone, and no owner's URL, admin key or API key", () => {
  const databaseUrls: string[] = databaseNames.flatMap((database) => Object.values(databaseRoles[database]));
  const own: Record<ProcessName, string[]> = {
    rpc: ["BULKSMS_RPC_DATABASE_URL"],
    webapi: ["BULKSMS_WEBAPI_DATABASE_URL"],
    salesapi: ["BULKSMS_SALESAPI_DATABASE_URL"],
    general_worker: ["BULKSMS_GENERAL_WORKER_DATABASE_URL"],
    sales_worker: ["BULKSMS_SALES_WORKER_DATABASE_URL"],
    simulator: [],
  };
  for (const name of processNames) {
    const told = Object.keys(settingsOf(name, all));
    expect(told.filter((setting) => databaseUrls.includes(setting))).toEqual(own[name]);
    for (const secret of ["BULKSMS_DS_OWNER_URL", "BULKSMS_SALESDB_OWNER_URL", "BULKSMS_ADMIN_KEY", "BULKSMS_API_KEY"]) {
      expect(told).not.toContain(secret);
    }
    expect(told).toContain("BULKSMS_LOG_LEVEL");
  }
  expect(Object.keys(settingsOf("simulator", all))).not.toContain("BULKSMS_INTERNAL_TOKEN");
});

test("a wrong, an unknown and a lonely setting are all named at once or refused", () => {
  expect(() => givenSettings({ BULKSMS_RPC_PROT: "1" })).toThrow(ConfigError);
  expect(() => givenSettings({ BULKSMS_RPC_PORT: "70000" })).toThrow(/BULKSMS_RPC_PORT/);
  expect(() => givenSettings({ BULKSMS_RPC_DATABASE_URL: "postgres://rpc:x@host/ds" })).toThrow(/BULKSMS_DS_OWNER_URL: missing/);
  expect(givenSettings({ BULKSMS_RPC_PORT: "", HOME: "/root" })).toEqual({});
});

test("roles log in to the owner's server, and a URL that was given stays", () => {
  const given = { BULKSMS_RPC_DATABASE_URL: "postgres://rpc:mine@elsewhere/ds" };
  const urls = roleUrls("ds", "postgres://owner:secret@db:5432/ds?sslmode=require", given, (name) => `made-${name}`);
  expect(urls.BULKSMS_WEBAPI_DATABASE_URL).toBe("postgres://webapi:made-password_webapi@db:5432/ds?sslmode=require");
  expect(urls.BULKSMS_RPC_DATABASE_URL).toBe(given.BULKSMS_RPC_DATABASE_URL);
});

test("neighbours are found where their ports are, unless the user says otherwise", () => {
  const ports = { rpc: 1, webapi: 2, salesapi: 3, general_worker: 4, sales_worker: 5, simulator: 6 };
  expect(neighbourSettings({}, ports)).toMatchObject({
    BULKSMS_RPC_ADDRESS: "127.0.0.1:1",
    BULKSMS_SIMULATOR_RECEIPTS_URL: "http://127.0.0.1:3/receipts/simulated",
  });
  expect(neighbourSettings({ BULKSMS_SIMULATOR_URL: "https://carrier.example" }, ports).BULKSMS_SIMULATOR_URL).toBe(
    "https://carrier.example",
  );
});
