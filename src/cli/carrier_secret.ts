// A carrier's password or token: from a file, the environment or a prompt. Never an argument, which
// other users of the machine can read.
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { readFileNamed } from "./carrier_options.ts";
import { wrongUse } from "./failure.ts";
import { type Input, Interrupted } from "./questions.ts";

/** Not of our settings: no process reads it. */
export const secretVariable = "CARRIER_PASSWORD";

export interface SecretSources {
  passwordFile: string | undefined;
  environment: NodeJS.ProcessEnv;
  input: Input;
  output: NodeJS.WritableStream & { isTTY?: boolean };
}

/** @throws Failure, Interrupted */
export async function readSecret(name: string, { passwordFile, environment, input, output }: SecretSources): Promise<string> {
  const secret = await findSecret();
  if (secret === "") throw wrongUse(`the password of ${name} is empty`, "an operator gives one with the account", hint);
  return secret;

  async function findSecret(): Promise<string> {
    // an editor ends the last line
    if (passwordFile !== undefined) return readFileNamed("--password-file", passwordFile).replace(/\r?\n$/, "");
    const set = environment[secretVariable] ?? "";
    if (set !== "") return set;
    if (input.isTTY === true && output.isTTY === true) return askUnseen(`  Password or token of ${name}: `, input, output);
    throw wrongUse(`the password of ${name} is missing`, "nobody can be asked for it here", hint);
  }
}

const hint = `give it with --password-file FILE, in ${secretVariable}, or type it in a terminal`;

/** What is typed is not shown. @throws Interrupted */
function askUnseen(prompt: string, input: Input, output: NodeJS.WritableStream): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  return new Promise((resolve, reject) => {
    const line = createInterface({ input, output: unseen, terminal: true });
    output.write(prompt);
    let answer = "";
    line.on("SIGINT", () => {
      reject(new Interrupted());
      line.close();
    });
    line.on("close", () => {
      output.write("\n");
      resolve(answer);
    });
    line.question("", (typed) => {
      answer = typed;
      line.close();
    });
  });
}
