// `bulksms console`: prints a new link into the console of the running system.
import type { Command } from "commander";
import { linkMinutes } from "../contracts/console.ts";
import type { ErrorCode } from "../contracts/errors.ts";
import { isUuid } from "../contracts/ids.ts";
import { settings } from "../contracts/settings.ts";
import { readDataFolderNote } from "../local/data_folder.ts";
import { readConfig } from "../platform/config.ts";
import { settingsAt } from "./connection.ts";
import { mintConsoleLink } from "./console_link.ts";
import { endWell, Failure } from "./failure.ts";
import { exitCodes } from "./report_error.ts";

interface ConsoleOptions {
  data?: string;
  workspace?: string;
}

export function registerConsole(program: Command): void {
  program
    .command("console")
    .description(`print a link that signs you in to the console in the browser, once, within ${linkMinutes} minutes`)
    .option("--data <dir>", `data folder of the system (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--workspace <id>", "workspace to sign in to (default: the one that `up` made)")
    .addHelpText("after", consoleHelp)
    .action((options: ConsoleOptions) => endWell(() => printLink(options)));
}

async function printLink(options: ConsoleOptions): Promise<number> {
  const { folder, environment } = settingsAt(options.data, process.env);
  const fields = { webapiUrl: "BULKSMS_WEBAPI_URL", adminKey: "BULKSMS_ADMIN_KEY" } as const;
  const { webapiUrl, adminKey } = readConfig(environment, fields, { optional: ["adminKey"] });
  const workspaceId = options.workspace ?? readDataFolderNote(folder, "workspace_id");
  if (adminKey === undefined || workspaceId === null) {
    throw new Failure(
      exitCodes.wrongUse,
      "there is no console to open",
      `no system has run in ${folder}, and BULKSMS_ADMIN_KEY and --workspace are not both given`,
      "start one with `npx bulksms up`, or name its folder with --data",
    );
  }
  const ownWorkspaceId = readDataFolderNote(folder, "workspace_id");
  if (!isUuid(workspaceId)) {
    const why = `--workspace ${workspaceId} is not the id of a workspace, which looks like ${idExample}`;
    throw new Failure(exitCodes.wrongUse, noLink, why, hintOfWorkspaces(ownWorkspaceId));
  }
  const link = await mintConsoleLink({ webapiUrl, adminKey, workspaceId }).catch((error: unknown) => {
    if (!(error instanceof Failure) || !error.why.includes("workspace_not_found" satisfies ErrorCode)) throw error;
    throw new Failure(error.exitCode, noLink, `there is no workspace ${workspaceId} in this system`, hintOfWorkspaces(ownWorkspaceId));
  });
  process.stdout.write(`${link}\n`);
  return exitCodes.ok;
}

const noLink = "no link was made";
const idExample = "0198c9a0-0000-7000-8000-000000000001";

function hintOfWorkspaces(ownWorkspaceId: string | null): string {
  const others = "a workspace's id is in the answer to the POST /workspaces that created it";
  return ownWorkspaceId === null ? others : `leave --workspace out for the workspace that \`up\` made (${ownWorkspaceId}); ${others}`;
}

const consoleHelp = `
The link works once. Whoever has an API key signs in with it on the same page and needs no link.

Examples:
  npx bulksms console
  npx bulksms console --workspace ${idExample}

Exit codes: 0 printed, 1 refused (there is no such workspace), 2 wrong use or settings (an invalid id), 3 webapi does not answer
`;
