// What the file has: columns, first rows, how many can be texted, and every reason why others
// cannot - with their lines.
import { useState } from "react";
import type { RejectReason } from "../../contracts/states.ts";
import { Mark } from "../look/mark.tsx";
import { rejectWords, showBytes, showCount } from "../look/words.ts";
import type { Judgement } from "./judge_worker.ts";

interface FileVerdictProps {
  judgement: Judgement;
  onPhoneColumn: (name: string) => void;
}

export function FileVerdict({ judgement, onPhoneColumn }: FileVerdictProps) {
  const { header, phone, contacts, rejects, isDone, bytesRead, bytes, problem } = judgement;
  const rejected = Object.values(rejects).reduce((sum, { count }) => sum + count, 0);
  const isOfText = problem?.code === "text_column_missing" || problem?.code === "text_invalid";
  return (
    <section className="verdict-of-file" aria-label="what the file has">
      <p className="verdict-line" role="status">
        {problem !== null && !isOfText ? (
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
      {header.length > 0 && (
        <>
          <label className="inline">
            Phone numbers are in{" "}
            <select value={phone ?? ""} onChange={(event) => onPhoneColumn(header[Number(event.target.value)] as string)}>
              {phone === null && <option value="">choose a column</option>}
              {header.map((name, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns may be named alike, and never move
                <option key={index} value={index}>
                  {name === "" ? `column ${index + 1}` : name}
                </option>
              ))}
            </select>
          </label>
          <Rejects rejects={rejects} />
          <FirstRows judgement={judgement} />
        </>
      )}
    </section>
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
              <span className="soft">line {showCount(line)}</span> <code>{value === "" ? "(empty)" : value}</code>
            </li>
          ))}
          {shown.count > shown.lines.length && (
            <li className="soft">and {showCount(shown.count - shown.lines.length)} more; rejects.csv of the campaign has all</li>
          )}
        </ol>
      )}
    </div>
  );
}

function FirstRows({ judgement: { header, firstRows, phone } }: { judgement: Judgement }) {
  return (
    <div className="table-scroll">
      <table className="plain">
        <caption className="visually-hidden">the file's first rows</caption>
        <thead>
          <tr>
            {header.map((name, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns may be named alike, and never move
              <th key={index} scope="col" className={index === phone ? "chosen" : undefined}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {firstRows.map((cells, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows may be alike, and never move
            <tr key={row}>
              {cells.map((cell, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: cells may be alike, and never move
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
