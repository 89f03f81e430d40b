// How the file was read, each with a way to change it: the numbers' column and why, encoding,
// sheet, hidden rows.
import type { FileAnswer } from "../../contracts/quote.ts";
import { fileEncodings } from "../../contracts/states.ts";
import { encodingWords, showCell, showCount, showRows } from "../look/words.ts";
import { columnTitle } from "./file_questions.tsx";
import type { FileChoices, Judgement } from "./judgement.ts";

interface FileReadingProps {
  judgement: Judgement;
  choices: FileChoices;
  onChoice(choice: Partial<FileChoices>): void;
}

export function FileReading({ judgement, choices, onChoice }: FileReadingProps) {
  const { header, phone, phoneReason, file } = judgement;
  return (
    <div className="reading">
      <label className="inline">
        Phone numbers are in{" "}
        <select value={phone ?? ""} onChange={(event) => onChoice({ phoneColumn: Number(event.target.value) })}>
          {phone === null && <option value="">choose a column</option>}
          {header.map((name, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: columns may be named alike, and never move
            <option key={index} value={index}>
              {columnTitle(name, index)}
            </option>
          ))}
        </select>
      </label>
      {phoneReason !== null && <p className="soft">{phoneReason}</p>}
      {file?.kind === "csv" && file.encoding !== null && (
        <label className="inline">
          Read as{" "}
          <select
            value={file.encoding}
            onChange={(event) => onChoice({ encoding: event.target.value as FileChoices["encoding"] })}
            title={file.encoding_reason ?? undefined}
          >
            {fileEncodings.map((encoding) => (
              <option key={encoding} value={encoding}>
                {encodingWords[encoding]}
              </option>
            ))}
          </select>
        </label>
      )}
      {file?.kind === "xlsx" && file.sheets.length > 1 && (
        <label className="inline">
          Sheet{" "}
          <select value={file.sheet ?? ""} onChange={(event) => onChoice({ sheet: event.target.value })}>
            {file.sheets.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {file?.kind === "xlsx" && (file.hidden_rows > 0 || file.hidden_columns.length > 0 || choices.withHiddenRows) && (
        <label className="inline">
          <input
            type="checkbox"
            checked={choices.withHiddenRows}
            onChange={(event) => onChoice({ withHiddenRows: event.target.checked })}
          />{" "}
          {choices.withHiddenRows
            ? "what is hidden in the sheet is read too"
            : `read what is hidden in the sheet, too: ${hiddenWords(file)}`}
        </label>
      )}
    </div>
  );
}

const columnsShown = 5;

/** `3 rows, and the columns Mobile, Notes` */
function hiddenWords({ hidden_rows: rows, hidden_columns: columns }: FileAnswer): string {
  const names = columns.slice(0, columnsShown).map((name) => showCell(name));
  const rest = columns.length > names.length ? ` and ${showCount(columns.length - names.length)} more` : "";
  const shown = columns.length === 0 ? [] : [`the ${columns.length === 1 ? "column" : "columns"} ${names.join(", ")}${rest}`];
  return [...(rows === 0 ? [] : [showRows(rows)]), ...shown].join(", and ");
}
