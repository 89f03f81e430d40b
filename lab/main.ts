// The `lab` command: breaks the real system on purpose and reports whether its promises held. Loads
// the requested subcommand from commands/.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { dropWhatNobodyReads } from "../src/cli/closed_output.ts";
import { exitCodes, reportError } from "../src/cli/report_error.ts";

/** What each file of commands/ exports. */
interface LabCommand {
  register(program: Command): void;
}

const commandsFolder = join(import.meta.dirname, "commands");
const commandNames = readdirSync(commandsFolder)
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .map((file) => file.slice(0, -".ts".length));

async function createProgram(word: string | undefined): Promise<Command> {
  const program = new Command("lab");
  program
    .description("Breaks the real system on purpose, and reports whether every promise held.")
    .helpOption("-h, --help", "show the description and options")
    .helpCommand(false)
    .exitOverride()
    .addHelpText("after", help);
  const isNamed = word !== undefined && commandNames.includes(word);
  for (const name of isNamed ? [word] : commandNames) {
    ((await import(join(commandsFolder, `${name}.ts`))) as LabCommand).register(program);
  }
  for (const command of program.commands) command.exitOverride();
  return program;
}

const help = `
Run it as: npm run lab -- COMMAND
Exit codes: 0 held, 1 something broke, 2 wrong use
`;

dropWhatNobodyReads([process.stdout, process.stderr]);
try {
  await (await createProgram(process.argv[2])).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.wrongUse;
  else process.exitCode = reportError(error);
}
