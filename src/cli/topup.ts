// `bulksms topup CREDITS`: adds credit to a workspace, once, however often it is repeated.
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { parseCredits } from "../contracts/credits.ts";
import { idempotencyKeyHeader } from "../contracts/idempotency.ts";
import { settings } from "../contracts/settings.ts";
import type { TopicUpdates } from "../contracts/topics.ts";
import type { TopUpAnswer } from "../contracts/workspaces.ts";
import { readDataFolderNote } from "../local/data_folder.ts";
import { readConfig } from "../platform/config.ts";
import { openConnection, settingsAt } from "./connection.ts";
import { endWell, wrongUse } from "./failure.ts";
import { exitCodes } from "./report_error.ts";
import { shownName } from "./shown_text.ts";
import { createTerminal, formatCreditText } from "./terminal.ts";

type WorkspaceCredit = TopicUpdates["workspace_credit"];

interface TopUpOptions {
  data?: string;
  workspace?: string;
  reference?: string;
  json?: boolean;
}

export function registerTopup(program: Command): void {
  program
    .command("topup")
    .argument("<credits>", "how many to add, with a decimal point and at most three decimals")
    .description("add credit to a workspace (with the installation's key)")
    .option("--workspace <id>", "workspace to top up (default: the one that `up` made)")
    .option("--reference <text>", "of the payment: the same reference again adds nothing")
    .option("--data <dir>", `data folder of the system (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--json", "print the answer as one JSON object")
    .addHelpText("after", help)
    .action((credits: string, options: TopUpOptions) => endWell(() => topUp(credits, options)));
}

async function topUp(credits: string, options: TopUpOptions): Promise<number> {
  const amount = parseCredits(credits.trim());
  if (amount === null || amount <= 0n) {
    throw wrongUse(
      `${credits} is not an amount`,
      "it must be credits above 0, with a decimal point and at most three decimals",
      "for example: 100.5",
    );
  }
  const { folder, environment } = settingsAt(options.data, process.env);
  const fields = { webapiUrl: "BULKSMS_WEBAPI_URL", adminKey: "BULKSMS_ADMIN_KEY" } as const;
  const { webapiUrl, adminKey } = readConfig(environment, fields, { optional: ["adminKey"] });
  const workspaceId = options.workspace ?? readDataFolderNote(folder, "workspace_id");
  if (adminKey === undefined || workspaceId === null) {
    throw wrongUse(
      "nothing was added",
      `no system has run in ${folder}, and BULKSMS_ADMIN_KEY and --workspace are not both given`,
      "start one with `npx bulksms up`, or name its folder with --data",
    );
  }
  const admin = openConnection({ webapiUrl, salesapiUrl: webapiUrl, apiKey: adminKey });
  const path = `/workspaces/${encodeURIComponent(workspaceId)}/credit`;
  // a repeat after a lost answer must be the same: a reference makes it so across commands too
  const headers = { [idempotencyKeyHeader]: options.reference ?? randomUUID() };
  const work = async () => {
    const added = await admin.callWebapi<TopUpAnswer>("nothing was added", "POST", path, { amount: credits.trim() }, headers);
    return { added, now: await admin.callWebapi<WorkspaceCredit>("the credit cannot be read", "GET", path) };
  };
  const { added, now } = await work().finally(admin.close);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(added)}\n`);
    return exitCodes.ok;
  }
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  const under = options.reference === undefined ? "" : ` under ${shownName(options.reference, 48)}, once`;
  terminal.line(`${formatCreditText(added.amount)} credits added${under}; ${formatCreditText(now.available)} are available now`);
  terminal.line();
  return exitCodes.ok;
}

const help = `
Examples:
  npx bulksms topup 100
  npx bulksms topup 100 --reference invoice-2026-117      a second time it adds nothing

Exit codes: 0 added (or added before, by the same reference), 1 refused, 2 wrong use or settings, 3 webapi does not answer
`;
