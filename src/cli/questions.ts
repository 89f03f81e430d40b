// What the command line asks a person: yes or no, or one of several. Only where both ends are a
// terminal; otherwise the answer is given by an option.
import { createInterface } from "node:readline";
import type { Terminal } from "./terminal.ts";

/** One end of a terminal. */
export interface Input extends NodeJS.ReadableStream {
  isTTY?: boolean;
}

/** Ctrl-C at a question. */
export class Interrupted extends Error {
  constructor() {
    super("interrupted at a question");
    this.name = "Interrupted";
  }
}

export interface Questions {
  /** Yes only when somebody types it. @throws Interrupted */
  confirm(question: string): Promise<boolean>;
  /** Index of the choice; null: none was made. @throws Interrupted */
  choose(question: string, choices: readonly string[]): Promise<number | null>;
}

/** Attempts at a numbered choice before it counts as none. */
const triesMax = 3;

export function createQuestions(input: Input, output: NodeJS.WritableStream, terminal: Terminal): Questions {
  return {
    async confirm(question) {
      const answer = await ask(input, output, `  ${question} [y/N] `);
      return answer !== null && /^(y|yes)$/i.test(answer.trim());
    },
    async choose(question, choices) {
      terminal.line(question);
      for (const [index, choice] of choices.entries()) terminal.line(`  ${terminal.accent(String(index + 1))}  ${choice}`);
      for (let tries = 0; tries < triesMax; tries++) {
        const answer = await ask(input, output, `  Which one? [1-${choices.length}] `);
        if (answer === null || answer.trim() === "") return null;
        const number = /^\s*\d{1,6}\s*$/.test(answer) ? Number(answer) : 0;
        if (number >= 1 && number <= choices.length) return number - 1;
      }
      return null;
    },
  };
}

/** null: the input ended (Ctrl-D). */
function ask(input: Input, output: NodeJS.WritableStream, prompt: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const line = createInterface({ input, output, terminal: input.isTTY === true });
    let answer: string | null = null;
    line.on("SIGINT", () => {
      output.write("\n");
      reject(new Interrupted());
      line.close();
    });
    line.on("close", () => {
      if (answer === null) output.write("\n");
      resolve(answer);
    });
    line.question(prompt, (written) => {
      answer = written;
      line.close();
    });
  });
}
