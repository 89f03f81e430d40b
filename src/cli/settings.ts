// `bulksms settings`: every setting as an environment file. The file .env.example is its output; a
// test compares them.
import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { type DatabaseName, databaseNames, databaseRoles } from "../contracts/processes.ts";
import { type Setting, type SettingName, settings } from "../contracts/settings.ts";

export function registerSettings(program: Command): void {
  program
    .command("settings")
    .description("print every setting with its unit and default, as an environment file")
    .option("--compose", "print a .env for compose.yaml instead: fresh random secrets, nothing else to fill in")
    .addHelpText("after", "\nExamples:\n  bulksms settings > .env.example\n  bulksms settings --compose > .env && docker compose up\n")
    .action(({ compose }: { compose?: boolean }) => {
      process.stdout.write(compose ? renderComposeEnvironment(randomWord) : renderSettings());
    });
}

/** All settings, each commented out under its meaning, unit, limits and default. */
export function renderSettings(): string {
  const blocks = Object.entries(settings).map(([name, setting]: [string, Setting]) => {
    const facts = [limitsOf(setting), setting.default === undefined ? "no default" : null, setting.isSecret ? "secret" : null].filter(
      (fact) => fact !== null,
    );
    return `# ${setting.description}${facts.length > 0 ? ` (${facts.join("; ")})` : ""}\n#${name}=${setting.default ?? ""}\n`;
  });
  return `# Every setting of bulksms with its meaning, unit, limits and default. Made by \`npx bulksms settings\`.
# A process reads its settings from the environment once, at its start, and refuses a name or value that it does not know.
# \`bulksms up\` needs none of them: it makes what is missing and keeps it in its data folder.

${blocks.join("\n")}`;
}

/**
 * A complete .env for compose.yaml. `secret` returns a fresh string of at least 16 URL-safe
 * characters on each call.
 */
export function renderComposeEnvironment(secret: () => string): string {
  const passwords: Record<DatabaseName, string> = { ds: "DS_PASSWORD", salesdb: "SALESDB_PASSWORD" };
  const shared: SettingName[] = ["BULKSMS_INTERNAL_TOKEN", "BULKSMS_ADMIN_KEY", "BULKSMS_RECEIPT_SECRETS", "BULKSMS_SIMULATOR_KEY"];
  const roleUrls = databaseNames.flatMap((database) =>
    Object.entries(databaseRoles[database]).map(([role, name]) => `${name}=postgres://${role}:${secret()}@${database}:5432/${database}`),
  );
  return [
    "# Secrets of compose.yaml, made by `npx bulksms settings --compose`. Keep this file to yourself.",
    ...Object.values(passwords).map((name) => `${name}=${secret()}`),
    ...roleUrls,
    ...shared.map((name) => `${name}=${secret()}`),
    "",
  ].join("\n");
}

const randomWord = () => randomBytes(24).toString("base64url");

function limitsOf(setting: Setting): string | null {
  switch (setting.kind) {
    case "integer":
    case "number":
      return `${setting.unit === "" ? "" : `${setting.unit}, `}${setting.min} to ${setting.max}`;
    case "choice":
      return setting.choices.join(" | ");
    case "port":
      return "port";
    case "url":
      return setting.protocols.join(" or ").replaceAll(":", "://");
    case "address":
      return "host:port";
    case "host":
      return "an IP address or host name of this machine";
    case "list":
      return "words separated by commas";
    case "text":
      return setting.form?.description ?? null;
  }
}
