// Reads settings (contracts/settings.ts) from the environment into a frozen, typed object. Called
// once, in each node's main.ts.
import { isIP, isIPv6 } from "node:net";
import { renamedSettings, type Setting, type SettingName, settings } from "../contracts/settings.ts";

type ValueOf<S extends Setting> = S["kind"] extends "integer" | "port" | "number" ? number : S["kind"] extends "list" ? string[] : string;
type Value<N extends SettingName> = ValueOf<(typeof settings)[N]>;

export type Config<F extends Record<string, SettingName>, O extends keyof F = never> = Readonly<
  { [K in Exclude<keyof F, O>]: Value<F[K]> } & { [K in O]: Value<F[K]> | undefined }
>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The prefix of all our settings: a variable with it that is not in the table is a typo. */
const settingPrefix = "BULKSMS_";

/**
 * Everything that is wrong with the settings, one line each. The command line prints it and exits
 * 2.
 */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * The values of `fields` (field name -> setting name), typed by the settings table. A setting
 * without a default is required unless its field is in `optional`. An empty value counts as not
 * set.
 * @throws ConfigError listing every unknown, missing and malformed setting
 */
export function readConfig<F extends Record<string, SettingName>, O extends keyof F & string = never>(
  environment: Environment,
  fields: F,
  options: { optional?: readonly O[] } = {},
): Config<F, O> {
  const problems = [...unknownSettings(environment), ...unwantedSettings(environment, Object.values(fields))];
  const values: Record<string, unknown> = {};
  for (const [field, name] of Object.entries(fields)) {
    const setting: Setting = settings[name];
    const given = environment[name];
    const text = given === undefined || given === "" ? undefined : given;
    if (text !== undefined) {
      const parsed = parseSetting(setting, text);
      if ("problem" in parsed) problems.push(`${name}: ${parsed.problem}`);
      else values[field] = parsed.value;
    } else if (setting.default !== undefined) {
      const parsed = parseSetting(setting, String(setting.default));
      if ("value" in parsed) values[field] = parsed.value;
    } else if (!(options.optional as readonly string[] | undefined)?.includes(field)) {
      problems.push(`${name}: missing (${setting.description})`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as Config<F, O>;
}

/**
 * One line for each BULKSMS_ variable that is not a setting, with its new name or the nearest one.
 */
export function unknownSettings(environment: Environment): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith(settingPrefix) && !(name in settings))
    .map((name) =>
      name in renamedSettings
        ? `${name}: its name is now ${renamedSettings[name]}`
        : `${name}: unknown setting, did you mean ${nearest(name, Object.keys(settings))}?`,
    );
}

/** Settings that only the migration takes, given to something else. */
function unwantedSettings(environment: Environment, wanted: readonly SettingName[]): string[] {
  return (Object.keys(settings) as SettingName[])
    .filter((name) => !wanted.includes(name) && environment[name] !== undefined && environment[name] !== "")
    .flatMap((name) => onlyForMigration(name));
}

/** Why a setting of the migration is refused everywhere else; empty for every other setting. */
export function onlyForMigration(name: SettingName): string[] {
  const { onlyForMigration: reason }: Setting = settings[name];
  return reason === undefined ? [] : [`${name}: ${reason}`];
}

/** The candidate with the smallest edit distance to `name`. */
export function nearest(name: string, candidates: readonly string[]): string {
  let best = candidates[0] ?? "";
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Whether a listener on this address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

type Parsed = { value: unknown } | { problem: string };

function parseSetting(setting: Setting, text: string): Parsed {
  const shown = setting.isSecret ? "the value" : `"${text}"`;
  switch (setting.kind) {
    case "integer":
    case "number": {
      // decimal digits only: 1e3, 0x10, +5 and " 5" are numbers to JavaScript, but typos to a
      // person
      const pattern = setting.kind === "integer" ? /^\d+$/ : /^\d+(?:\.\d+)?$/;
      if (!pattern.test(text)) return { problem: `${shown} is not a ${setting.kind} in decimal digits${inUnit(setting.unit)}` };
      const value = Number(text);
      if (value < setting.min || value > setting.max)
        return { problem: `${shown} is not between ${setting.min} and ${setting.max}${inUnit(setting.unit)}` };
      return { value };
    }
    case "port":
      return isPort(text) ? { value: Number(text) } : { problem: `${shown} is not a port (0 to 65535)` };
    case "choice":
      return setting.choices.includes(text)
        ? { value: text }
        : { problem: `${shown} is not one of ${setting.choices.join(", ")}, did you mean ${nearest(text, setting.choices)}?` };
    case "url": {
      if (!URL.canParse(text) || !setting.protocols.includes(new URL(text).protocol))
        return { problem: `${shown} is not a ${setting.protocols[0]}// address` };
      return { value: text };
    }
    case "address":
      return isPort(/^\S+:(\d+)$/.exec(text)?.[1] ?? "") ? { value: text } : { problem: `${shown} is not host:port` };
    case "host":
      return isHost(text) ? { value: text } : { problem: `${shown} is not an IP address or a host name` };
    case "list": {
      const { form } = setting;
      const value = text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "");
      return form === undefined || value.every((item) => form.pattern.test(item))
        ? { value }
        : { problem: `${shown} is not ${form.description}` };
    }
    case "text":
      if (setting.form !== undefined && !setting.form.pattern.test(text)) return { problem: `${shown} is not ${setting.form.description}` };
      return { value: text };
  }
}

/**
 * RFC 1123, plus underscores, which Docker's names contain; a last label of digits only would make
 * it an invalid IPv4 address.
 */
const hostName = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!\d+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

function isHost(text: string): boolean {
  return isIP(text) !== 0 || (/^\[.*\]$/.test(text) && isIPv6(text.slice(1, -1))) || hostName.test(text);
}

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65_535;

const inUnit = (unit: string): string => (unit === "" ? "" : ` (${unit})`);

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] as number) + 1, (current[column - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[b.length] as number;
}

/** Minimum length of a secret that guards a listener reachable from other machines. */
const secretLengthMin = 16;

/**
 * Refuses to listen beyond loopback with a weak or missing secret.
 * @throws ConfigError naming the secrets
 */
export function requireSafeListener(host: string, secrets: Partial<Record<SettingName, string | readonly string[] | undefined>>): void {
  if (isLoopback(host)) return;
  const weak = Object.entries(secrets).filter(([, secret]) => {
    const words = [secret ?? []].flat();
    return words.length === 0 || words.some((word) => word.length < secretLengthMin);
  });
  if (weak.length === 0) return;
  throw new ConfigError(
    weak.map(([name]) => `${name}: must have at least ${secretLengthMin} characters when BULKSMS_HOST (${host}) is not a loopback address`),
  );
}
