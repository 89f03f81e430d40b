// The laws as a row of small marks, one per law: calm while they hold, impossible to miss when one
// is broken.
import { Link } from "wouter";
import type { LawState } from "../../contracts/topics.ts";
import { useTopic } from "../live/live.ts";

export const verdictWords: Readonly<Record<LawState["verdict"], string>> = {
  held: "holds",
  broken: "is broken",
  nothing_to_check: "has nothing to compare yet",
  unknown: "is not known: a database does not answer",
};

export function LawMarks() {
  const update = useTopic("laws", "all");
  const laws = update?.laws ?? [];
  const broken = laws.filter(({ verdict }) => verdict === "broken");
  return (
    <Link href="/laws" className={broken.length > 0 ? "law-marks law-marks-broken" : "law-marks"} aria-label={description(laws, broken)}>
      {laws.length === 0 ? (
        <span className="soft">laws</span>
      ) : (
        laws.map(({ law, title, verdict }) => (
          <i key={law} className={`law-mark law-mark-${verdict}`} title={`${law} ${verdictWords[verdict]}: ${title}`}>
            {verdict === "broken" ? "✕" : ""}
          </i>
        ))
      )}
      {broken.length > 0 && <strong>{broken.map(({ law }) => law).join(", ")} broken</strong>}
    </Link>
  );
}

function description(laws: readonly LawState[], broken: readonly LawState[]): string {
  if (laws.length === 0) return "laws: not checked yet";
  if (broken.length > 0) return `laws: ${broken.map(({ law }) => law).join(", ")} broken`;
  return `laws: ${laws.filter(({ verdict }) => verdict === "held").length} of ${laws.length} hold`;
}
