// What the file contains: columns, first rows, how many can be texted, and every reason why others
// cannot, with their lines.
import { useState } from "react";
import type { RejectReason } from "../../contracts/states.ts";
import { rejectWords } from "../../contracts/words.ts";
import { Mark } from "../look/mark.tsx";
import { showBytes, showCell, showCount } from "../look/words.ts";
import { columnTitle, FileQuestion } from "./file_questions.tsx";
import { FileReading } from "./file_reading.tsx";
import { type FileChoices, isProblemOfText, type Judgement } from "./judgement.ts";

interface FileVerdictProps {
  judgement: Judgement;
  choices: FileChoices;
  onChoice(choice: Partial<FileChoices>): void;
}

/** Columns of the first rows that are shown, besides the numbers: some exports have thousands. */
const columnsShownMax = 20;

export function FileVerdict({ judgement, choices, onChoice }: FileVerdictProps) {
  const { header, question, rejects } = judgement;
  return (
    <section className="verdict-of-file" aria-label="what the file has">
      {question === null ? <Outcome judgement={judgement} /> : <FileQuestion question={question} onChoice={onChoice} />}
      {header.length > 0 && (
        <>
          {question === null && <FileReading judgement={judgement} choices={choices} onChoice={onChoice} />}
          <Rejects rejects={rejects} />
          <FirstRows judgement={judgement} />
        </>
      )}
    </section>
  );
}

function Outcome({ judgement }: { judgement: Judgement }) {
  const { contacts, rejects, isDone, bytesRead, bytes, problem } = judgement;
  const rejected = Object.values(rejects).reduce((sum, { count }) => sum + count, 0);
  return (
    <p className="verdict-line" role="status">
      {problem !== null && !isProblemOfText(problem) ? (
        <span className="bad">
          <Mark meaning="failed" /> {problem.description}
        </span>
      ) : (
        <>
          <strong className="figure">{showCount(contacts)}</strong> can be texted
          {rejected > 0 && (
            <>
              {" "}
              · <strong>{showCount(rejected)}</strong> cannot
            </>
          )}
          {!isDone && (
            <span className="soft">
              {" "}
              · {showBytes(bytesRead)} of {showBytes(bytes)} read
            </span>
          )}
        </>
      )}
    </p>
  );
}

function Rejects({ rejects }: Pick<Judgement, "rejects">) {
  const [open, setOpen] = useState<RejectReason | null>(null);
  const reasons = (Object.keys(rejects) as RejectReason[]).sort((a, b) => (rejects[b]?.count ?? 0) - (rejects[a]?.count ?? 0));
  const shown = open === null ? undefined : rejects[open];
  if (reasons.length === 0) return null;
  return (
    <div className="rejects">
      <ul className="chips" aria-label="rows that cannot be texted, by reason">
        {reasons.map((reason) => (
          <li key={reason}>
            <button type="button" aria-expanded={open === reason} onClick={() => setOpen(open === reason ? null : reason)}>
              <Mark meaning="failed" /> {rejectWords[reason]} <strong>{showCount(rejects[reason]?.count ?? 0)}</strong>
            </button>
          </li>
        ))}
      </ul>
      {shown !== undefined && (
        <ol className="reject-lines">
          {shown.lines.map(({ line, value }) => (
            <li key={line}>
              <span className="soft">line {showCount(line)}</span> <code>{showCell(value)}</code>
            </li>
          ))}
          {shown.count > shown.lines.length && (
            <li className="soft">and {showCount(shown.count - shown.lines.length)} more; the campaign's rejects.csv has them all</li>
          )}
        </ol>
      )}
    </div>
  );
}

function FirstRows({ judgement: { header, firstRows, phone } }: { judgement: Judgement }) {
  const shown = header.map((_, index) => index).filter((index) => index < columnsShownMax || index === phone);
  return (
    <div className="table-scroll">
      <table className="plain">
        <caption className="visually-hidden">the file's first rows</caption>
        <thead>
          <tr>
            {shown.map((index) => (
              <th key={index} scope="col" className={index === phone ? "chosen" : undefined}>
                {columnTitle(header[index] ?? "", index)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {firstRows.map((cells, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows may be alike, and never move
            <tr key={row}>
              {shown.map((index) => (
                <td key={index}>{cells[index]}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < header.length && <p className="soft">and {showCount(header.length - shown.length)} more columns</p>}
    </div>
  );
}
