// Settings of a whole system on one machine: what the user gave, what is generated, and where each
// process will be. Pure calculation for the supervisor.
import {
  type DatabaseName,
  databaseNames,
  databaseRoles,
  engineEndpoints,
  type ProcessEntry,
  type ProcessName,
  processes,
  processNames,
} from "../contracts/processes.ts";
import { type SettingName, settings as settingTable } from "../contracts/settings.ts";
import { ConfigError, type Environment, readConfig } from "../platform/config.ts";
import { readFailpoint } from "../platform/failpoint.ts";

export type SystemSettings = Partial<Record<SettingName, string>>;

/**
 * The settings that the user gave, checked.
 * @throws ConfigError naming every unknown or malformed one, and every role URL whose owner's URL
 * is missing
 */
export function givenSettings(environment: Environment): SystemSettings {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name.startsWith("BULKSMS_") && value !== undefined && value !== ""),
  );
  const known = Object.keys(given).filter((name): name is SettingName => name in settingTable);
  readConfig(given, Object.fromEntries(known.map((name) => [name, name])) as Record<string, SettingName>);
  readFailpoint(given);
  const problems = databaseNames.flatMap((database) => {
    const owner = engineEndpoints[database].urlSetting;
    const roles = Object.values(databaseRoles[database]).filter((name) => name in given);
    return owner in given || roles.length === 0 ? [] : [`${owner}: missing (${roles.join(", ")} without the owner's URL)`];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return given;
}

/**
 * Login URLs of a database's roles: as given, otherwise on the owner's server with a generated
 * password.
 */
export function roleUrls(
  database: DatabaseName,
  ownerUrl: string,
  given: SystemSettings,
  secret: (name: string) => string,
): SystemSettings {
  const urls: SystemSettings = {};
  for (const [role, name] of Object.entries(databaseRoles[database])) {
    const url = new URL(ownerUrl);
    url.username = role;
    // one server may serve both databases, and `check` is a role of both
    url.password = secret(`password_${role}`);
    urls[name] = given[name] ?? url.href;
  }
  return urls;
}

/** The addresses at which the processes find each other, once their ports are known. */
export function neighbourSettings(given: SystemSettings, ports: Readonly<Record<ProcessName, number>>): SystemSettings {
  const salesapi = given.BULKSMS_SALESAPI_URL ?? `http://127.0.0.1:${ports.salesapi}`;
  return {
    BULKSMS_RPC_ADDRESS: given.BULKSMS_RPC_ADDRESS ?? `127.0.0.1:${ports.rpc}`,
    BULKSMS_WEBAPI_URL: given.BULKSMS_WEBAPI_URL ?? `http://127.0.0.1:${ports.webapi}`,
    BULKSMS_SALESAPI_URL: salesapi,
    BULKSMS_SIMULATOR_URL: given.BULKSMS_SIMULATOR_URL ?? `http://127.0.0.1:${ports.simulator}`,
    BULKSMS_SIMULATOR_RECEIPTS_URL: given.BULKSMS_SIMULATOR_RECEIPTS_URL ?? `${salesapi}/receipts/simulated`,
  };
}

/** Every port of a process, its main listener first. The last one serves /ready. */
export function portsOf(entry: ProcessEntry): { defaultPort: number; portSetting: SettingName }[] {
  return [entry.listener, entry.management].filter((port) => port !== null);
}

/** Which processes read a secret other than the database URLs; all others never see it. */
const secretReaders: Partial<Record<SettingName, readonly ProcessName[]>> = {
  BULKSMS_REDIS_URL: processNames.filter((name) => processes[name].usesRedis),
  BULKSMS_INTERNAL_TOKEN: processNames.filter((name) => name !== "simulator"),
  BULKSMS_RECEIPT_SECRETS: ["salesapi", "simulator"],
  BULKSMS_SIMULATOR_KEY: ["sales_worker", "simulator"],
  BULKSMS_SIMULATOR_SMPP_ACCOUNTS: ["simulator"],
  BULKSMS_SIMULATOR_TWILIO_ACCOUNTS: ["simulator"],
};

/**
 * The settings of one process: no database of another one, no owner's URL, no key that it does not
 * need.
 */
export function settingsOf(name: ProcessName, all: SystemSettings): SystemSettings {
  const database = processes[name].database;
  const ownUrl = database === null ? null : (databaseRoles[database] as Record<string, SettingName>)[name];
  return Object.fromEntries(
    Object.entries(all).filter(([setting]) => {
      const rule = settingTable[setting as SettingName];
      const isSecret = "isSecret" in rule && rule.isSecret;
      return !isSecret || setting === ownUrl || secretReaders[setting as SettingName]?.includes(name) === true;
    }),
  );
}
