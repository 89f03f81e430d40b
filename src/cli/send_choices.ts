// What salesapi does not guess about a file - which column, encoding or sheet is meant - asked in a
// terminal, and named with the option that answers it everywhere else.
import { type Failure, wrongUse } from "./failure.ts";
import type { Questions } from "./questions.ts";
import { shownName } from "./shown_text.ts";
import { formatCount } from "./terminal.ts";

export type Fields = Readonly<Record<string, string>>;

interface Choice {
  /** How it is shown. */
  label: string;
  /** The request fields that select it. */
  fields: Fields;
  /** The command-line option that selects it. */
  option: string;
}

interface OpenChoice {
  question: string;
  choices: readonly Choice[];
}

/** The most columns that a name or an excerpt takes. */
const shownColumns = 48;

/**
 * What must be chosen before the file can be accepted; null for a refusal that no choice resolves.
 */
export function openChoiceOf({ problem }: Pick<Failure, "problem">): OpenChoice | null {
  switch (problem.code) {
    case "phone_column_ambiguous":
      return columnChoice(problem);
    case "sheet_ambiguous":
      return sheetChoice(problem);
    case "csv_encoding_ambiguous":
    case "csv_encoding_invalid":
      return encodingChoice(problem);
    default:
      return null;
  }
}

/**
 * Does the work; if it is refused for lack of a choice, asks a person and tries again with it.
 * Without `questions` (nobody can be asked) the refusal names the choices and the option.
 * @throws Failure
 */
export async function withChoices<T>(fields: Fields, questions: Questions | null, work: (fields: Fields) => Promise<T>) {
  let chosen = fields;
  for (;;) {
    try {
      return { answer: await work(chosen), fields: chosen };
    } catch (error) {
      const open = openChoiceIn(error, chosen);
      if (open === null) throw error;
      const index = questions === null ? null : await questions.choose(open.question, labelsOf(open));
      const choice = index === null ? undefined : open.choices[index];
      if (choice === undefined) throw unanswered(open);
      chosen = { ...chosen, ...choice.fields };
    }
  }
}

function openChoiceIn(error: unknown, fields: Fields): OpenChoice | null {
  const problem = (error as Partial<Failure>).problem;
  const open = problem === undefined ? null : openChoiceOf({ problem });
  // the same question again: the choice did not resolve the refusal
  const isAnswered = open?.choices.every((choice) => Object.keys(choice.fields).every((name) => name in fields)) ?? true;
  return isAnswered ? null : open;
}

const labelsOf = ({ choices }: OpenChoice): string[] => choices.map(({ label }) => label);

function unanswered({ question, choices }: OpenChoice): Failure {
  const named = choices.map(({ label, option }) => `${option} for ${label}`).join(", or ");
  return wrongUse(question, "it does not guess between them; nothing was created", `choose with ${named}`);
}

/** Lists of strings in a refusal's details. */
function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : [];
}

function columnChoice(problem: Failure["problem"]): OpenChoice {
  const [names, numbers, counts] = [listOf(problem.columns), listOf(problem.column_numbers), listOf(problem.counts)];
  return {
    question: "Two columns hold phone numbers. Which one should be texted?",
    choices: numbers.map((number, index) => ({
      label: `${columnName(names[index] ?? "", number)} (${formatCount(Number(counts[index] ?? 0))} numbers in the first rows)`,
      fields: { phone_column_number: number },
      option: `--phone-column ${number}`,
    })),
  };
}

export function columnName(name: string, number: string | number): string {
  const shown = shownName(name, shownColumns);
  return shown === "" ? `column ${number}` : JSON.stringify(shown);
}

function sheetChoice(problem: Failure["problem"]): OpenChoice {
  const [sheets, counts] = [listOf(problem.sheets), listOf(problem.numbers)];
  return {
    question: "Several sheets have phone numbers. Which one should be texted?",
    choices: sheets.map((sheet, index) => {
      const count = counts[index] === undefined ? "" : ` (${formatCount(Number(counts[index]))} numbers in its first rows)`;
      return {
        label: `${JSON.stringify(shownName(sheet, shownColumns))}${count}`,
        fields: { sheet },
        option: `--sheet ${JSON.stringify(shownName(sheet))}`,
      };
    }),
  };
}

const encodingNames: Readonly<Record<string, string>> = { "windows-1252": "Windows-1252", "iso-8859-15": "ISO-8859-15" };

function encodingChoice(problem: Failure["problem"]): OpenChoice {
  const readings = listOf(problem.readings);
  const encodings = listOf(problem.encodings);
  const line = typeof problem.line === "number" ? `Line ${formatCount(problem.line)}` : "The file";
  return {
    question: `${line} can be read in two encodings, and its bytes do not show which. Which one is right?`,
    choices: (encodings.length > 0 ? encodings : Object.keys(encodingNames)).map((encoding, index) => {
      const reading = readings[index] === undefined ? "" : `: ${shownName(readings[index], shownColumns)}`;
      return { label: `${encodingNames[encoding] ?? encoding}${reading}`, fields: { encoding }, option: `--encoding ${encoding}` };
    }),
  };
}
