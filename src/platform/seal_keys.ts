// The file of the keys that seal secrets: one key per line, newest first. Read at each use, which
// is seldom, so that a new key needs no restart.
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { AppError } from "../contracts/errors.ts";
import type { SettingName } from "../contracts/settings.ts";
import { ConfigError } from "./config.ts";
import { openSeal, type Seal, SealError, type SealKeys } from "./sealed.ts";

/** Names the file in every error. */
const setting: SettingName = "BULKSMS_CARRIER_KEYS";
const keyBytes = 32;
/** Base64 of 32 bytes. */
const keyLine = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;
const aKey = "the base64 of 32 random bytes (openssl rand -base64 32)";

/** @throws ConfigError naming the setting and the line: no file, no key, a line that is no key */
export function readSealKeys(file: string): SealKeys {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError([`${setting}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}); each line is ${aKey}`]);
  }
  const keys: Buffer[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const word = line.trim();
    if (word === "") continue;
    // the line itself is a secret, even when it is malformed
    if (!keyLine.test(word)) throw new ConfigError([`${setting}: line ${index + 1} of ${file} is not ${aKey}`]);
    keys.push(Buffer.from(word, "base64"));
  }
  const [newest, ...older] = keys;
  if (newest === undefined) throw new ConfigError([`${setting}: ${file} has no key; each line is ${aKey}`]);
  return [newest, ...older];
}

/** A seal that follows the file. Its calls throw what readSealKeys throws as well. */
export function openFileSeal(file: string): Seal {
  return {
    seal: (plain, context) => openSeal(readSealKeys(file)).seal(plain, context),
    open: (sealed, context) => openSeal(readSealKeys(file)).open(sealed, context),
  };
}

/**
 * For an answer to a caller: what is wrong with the keys is said.
 * @throws AppError carrier_keys_unreadable
 */
export function withSealKeys<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof SealError)) throw error;
    throw new AppError("carrier_keys_unreadable", `${error.message}. See docs/operations.md, "keys of carriers".`, { cause: error });
  }
}

/** Makes the file with one fresh key if there is none. Two that do so at once make one. */
export function makeSealKeys(file: string): void {
  const draft = writeDraft(file, [freshKey()]);
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Puts a fresh key before those of the file, which still open what they sealed.
 * @throws ConfigError as readSealKeys
 */
export function addSealKey(file: string): void {
  const keys = readSealKeys(file).map((key) => key.toString("base64"));
  renameSync(writeDraft(file, [freshKey(), ...keys]), file);
}

/**
 * Removes all keys but the newest, once nothing is sealed with them.
 * @throws ConfigError as readSealKeys
 */
export function dropOldSealKeys(file: string): void {
  const [newest] = readSealKeys(file);
  renameSync(writeDraft(file, [newest.toString("base64")]), file);
}

const freshKey = (): string => randomBytes(keyBytes).toString("base64");

/** Beside the file, readable only by its owner. */
function writeDraft(file: string, lines: readonly string[]): string {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}.draft`;
  writeFileSync(draft, `${lines.join("\n")}\n`, { mode: 0o600 });
  return draft;
}
