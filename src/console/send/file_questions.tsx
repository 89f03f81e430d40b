// What the page does not guess about a file: its column, encoding or sheet. Calm: nothing is wrong
// with the file, and a click answers it.
import { encodingWords, showCell, showCount } from "../look/words.ts";
import type { FileChoices, Question } from "./judgement.ts";

interface FileQuestionProps {
  question: Question;
  onChoice(choice: Partial<FileChoices>): void;
}

interface Answer {
  label: string;
  detail: string;
  choice: Partial<FileChoices>;
}

export function FileQuestion({ question, onChoice }: FileQuestionProps) {
  const { title, explanation, answers } = wordsOf(question);
  return (
    <fieldset className="question">
      <legend>
        <strong>{title}</strong>
      </legend>
      <p className="soft">{explanation}</p>
      <ul className="answers">
        {answers.map(({ label, detail, choice }) => (
          <li key={label}>
            <button type="button" onClick={() => onChoice(choice)}>
              <strong>{label}</strong> <span className="soft">{detail}</span>
            </button>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

function wordsOf(question: Question): { title: string; explanation: string; answers: Answer[] } {
  switch (question.kind) {
    case "column":
      return {
        title: "Which column should be texted?",
        explanation: "Two columns hold phone numbers, and nothing shows which of them is meant.",
        answers: question.choices.map(({ index, name, numbers }) => ({
          label: columnTitle(name, index),
          detail: `column ${index + 1}, ${numbersIn(numbers)}`,
          choice: { phoneColumn: index },
        })),
      };
    case "sheet":
      return {
        title: "Which sheet should be texted?",
        explanation: "Several sheets of the workbook have phone numbers.",
        answers: question.choices.map(({ name, numbers }) => ({ label: name, detail: numbersIn(numbers), choice: { sheet: name } })),
      };
    case "encoding":
      return {
        title: "Which of these looks right?",
        explanation: `${question.line === null ? "The file" : `Line ${showCount(question.line)}`} can be read in two ways, and its bytes do not show which.`,
        answers: question.choices.map(({ encoding, reading }) => ({
          label: reading === null ? encodingWords[encoding] : showCell(reading),
          detail: reading === null ? "" : encodingWords[encoding],
          choice: { encoding },
        })),
      };
  }
}

const numbersIn = (numbers: number): string => `${showCount(numbers)} ${numbers === 1 ? "number" : "numbers"} in the first rows`;

/** A column's name, or its position if it has none. */
export const columnTitle = (name: string, index: number): string => (name.trim() === "" ? `column ${index + 1}` : name);
