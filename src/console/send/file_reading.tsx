// How the file was read, each with a way to change it: the numbers' column and why, encoding,
// sheet, hidden rows.
import { fileEncodings } from "../../contracts/states.ts";
import { encodingWords, showRows } from "../look/words.ts";
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
            title={file.encoding_reason ?? "as you chose"}
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
      {file?.kind === "xlsx" && (file.hidden_rows > 0 || choices.withHiddenRows) && (
        <label className="inline">
          <input
            type="checkbox"
            checked={choices.withHiddenRows}
            onChange={(event) => onChoice({ withHiddenRows: event.target.checked })}
          />{" "}
          {choices.withHiddenRows ? "hidden rows are texted as well" : `also text the ${showRows(file.hidden_rows)} that are hidden`}
        </label>
      )}
    </div>
  );
}
