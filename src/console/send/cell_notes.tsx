// What the cells do to the text: those that are empty, and characters that make it more expensive.
import { creditsOf, showCell, showCount, showCredits, showRows } from "../look/words.ts";
import type { FileChoices, Judgement } from "./judgement.ts";

interface CellNotesProps {
  judgement: Judgement;
  choices: FileChoices;
  onChoice(choice: Partial<FileChoices>): void;
}

const charactersShown = 12;

export function CellNotes({ judgement, choices, onChoice }: CellNotesProps) {
  const { emptyValues, costlyCells } = judgement;
  const { characters } = costlyCells;
  const isForced = characters.some(({ effect }) => effect === "forces_ucs2");
  const isOne = characters.length === 1;
  const isAsked = emptyValues.some(({ treated_as }) => treated_as !== "default");
  return (
    <>
      {emptyValues.length > 0 && (
        <div className="notes" role="status">
          {emptyValues.map(({ column, rows, treated_as }) => (
            <p key={column}>
              <code>{`{${column}}`}</code> is empty in {showRows(rows)}
              {emptyWords[treated_as](column)}
            </p>
          ))}
          {isAsked && (
            <label className="inline">
              <input
                type="checkbox"
                checked={choices.sendsEmptyValues}
                onChange={(event) => onChoice({ sendsEmptyValues: event.target.checked })}
              />{" "}
              text them all the same
            </label>
          )}
        </div>
      )}
      {characters.length > 0 && (
        <div className="costly">
          <p>
            <strong>{isOne ? "A character" : "Characters"} in the file's cells</strong>{" "}
            {costlyCells.extraParts > 0
              ? `${isOne ? "costs" : "cost"} ${showCount(costlyCells.extraParts)} more ${costlyCells.extraParts === 1 ? "part" : "parts"}, ${showCredits(creditsOf(BigInt(costlyCells.extraMilli)))} credits. Replacing ${isOne ? "it" : "them"} in the file saves that.`
              : isForced
                ? `${isOne ? "means" : "mean"} parts of 70 characters instead of 160; no replacement saves a part as the text stands.`
                : `${isOne ? "counts" : "count"} as two each; no replacement saves a part as the text stands.`}
          </p>
          <ul className="chips">
            {characters.slice(0, charactersShown).map(({ character, code_point, effect, suggestion, count }) => (
              <li key={code_point} className="chip">
                <code>{showCell(character) === "(empty)" ? "space" : showCell(character)}</code>{" "}
                {showCell(character) !== code_point && <span className="soft">{code_point}</span>}
                {count > 1 && ` × ${showCount(count)}`} {effect === "costs_two" && <span className="soft">counts as two </span>}
                {suggestion === null ? "" : suggestion === "" ? "→ nothing" : `→ ${suggestion === " " ? "space" : suggestion}`}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

const emptyWords = {
  rejected: (column: string) => `, left out of the campaign. Write {${column}|friend} to give it a default.`,
  sent_empty: () => ", texted with nothing in its place.",
  default: () => ", where its default is used.",
} as const;
