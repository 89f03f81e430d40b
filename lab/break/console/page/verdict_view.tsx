// The verdict as it forms: one word, the laws as a row of marks, what was compared, and the names
// of the rows that break a law.
import { useState } from "react";
import type { LabState } from "../../../../src/contracts/lab_console.ts";

type Verdict = LabState["verdict"];
type LawState = Verdict["laws"][number];

export function VerdictView({ verdict }: { verdict: Verdict }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const law = verdict.laws.find((one) => one.law === chosen) ?? verdict.laws.find((one) => one.verdict === "broken");
  const { campaigns, messages } = verdict;
  return (
    <section className={`verdict verdict-${verdict.is}`} aria-label="verdict">
      <p className="verdict-word" role="status">
        <span aria-hidden="true">{verdictMarks[verdict.is]}</span> {verdictWords[verdict.is]}
      </p>
      <ul className="laws" aria-label="laws">
        {verdict.laws.map((one) => (
          <li key={one.law}>
            <button
              type="button"
              className={`law law-${one.verdict}`}
              aria-pressed={law === one}
              aria-label={`${one.law} ${lawWords[one.verdict]}`}
              onClick={() => setChosen(one.law)}
            >
              <span aria-hidden="true">{lawMarks[one.verdict]}</span> {one.law}
            </button>
          </li>
        ))}
      </ul>
      <p className="soft">
        {campaigns.running} campaigns under way, {campaigns.ended} ended · {show(messages.ended)} of {show(messages.all)} messages ended ·{" "}
        {show(verdict.rows_compared)} rows compared · {verdict.faults} faults so far
        {verdict.checked_at !== null && ` · checked at ${new Date(verdict.checked_at).toLocaleTimeString("en-GB")}`}
      </p>
      {law !== undefined && <LawDetails law={law} />}
    </section>
  );
}

function LawDetails({ law }: { law: LawState }) {
  return (
    <div className="law-details">
      <p>
        <strong>{law.law}</strong> {law.title}: {lawWords[law.verdict]}, {show(law.rows_compared)} rows compared.
      </p>
      {law.broken.length > 0 && (
        <ul>
          {law.broken.map(({ row, description }) => (
            <li key={row}>
              <code>{row}</code>: {description}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const verdictWords: Readonly<Record<Verdict["is"], string>> = {
  holds: "Every promise held",
  forming: "Nothing is broken so far",
  broken: "A law is broken",
  unknown: "Cannot check now: a database does not answer",
};
const verdictMarks: Readonly<Record<Verdict["is"], string>> = { holds: "✓", forming: "…", broken: "✕", unknown: "?" };
const lawWords: Readonly<Record<LawState["verdict"], string>> = {
  held: "holds",
  broken: "is broken",
  nothing_to_check: "has nothing to compare yet",
};
const lawMarks: Readonly<Record<LawState["verdict"], string>> = { held: "✓", broken: "✕", nothing_to_check: "·" };

const show = (count: number): string => count.toLocaleString("en-GB");
