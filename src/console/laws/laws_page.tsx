// The laws: what each states, what was compared, and the rows that break it. Always current while
// it is open.
import { useTopic } from "../live/live.ts";
import { Mark } from "../look/mark.tsx";
import { showCount, showMs, showTime } from "../look/words.ts";
import { useSeconds } from "../system/system_socket.ts";
import { verdictWords } from "./law_marks.tsx";

const meanings = { held: "delivered", broken: "broken", nothing_to_check: "waiting", unknown: "waiting" } as const;

export function LawsPage() {
  const update = useTopic("laws", "all");
  useSeconds(); // ages grow
  if (update === null || update.checked_at === null) {
    return (
      <>
        <h1>Laws</h1>
        <p className="soft lead">
          What must be true at every moment: nothing lost, nothing duplicated, every sent part charged once. The audit runs while somebody
          watches; its first result is on its way. (Processes started one by one have no audit beside them: run{" "}
          <code>npx bulksms check --watch</code>.)
        </p>
      </>
    );
  }
  const broken = update.laws.filter(({ verdict }) => verdict === "broken").length;
  const held = update.laws.filter(({ verdict }) => verdict === "held").length;
  return (
    <>
      <h1>Laws</h1>
      <p className={broken > 0 ? "law-word law-word-broken" : "law-word"} role="status">
        {broken > 0 ? `${broken} of ${update.laws.length} laws broken` : held === 0 ? "Nothing to compare yet" : `${held} laws hold`}
      </p>
      <p className="soft">
        {showCount(update.laws.reduce((sum, { rows_compared }) => sum + rows_compared, 0))} rows compared at {showTime(update.checked_at)}{" "}
        in {showMs(update.took_ms)};{" "}
        {update.form === "running"
          ? "something is in flight, so each law is a bound that holds at every moment"
          : "everything is at rest, so each law is an equation"}
        {update.has_journal ? "" : "; without the simulator's journal, what needs it is left out"}.
      </p>
      <ol className="laws">
        {update.laws.map((law) => (
          <li key={law.law} className={`law law-${law.verdict}`}>
            <h2>
              <Mark meaning={meanings[law.verdict]} /> {law.law} <span className="law-title">{law.title}</span>
            </h2>
            <p className="soft">
              {verdictWords[law.verdict]}
              {law.rows_compared > 0 && ` over ${showCount(law.rows_compared)} rows`}
            </p>
            {law.broken.length > 0 && (
              <ul className="law-rows">
                {law.broken.map(({ row, description }) => (
                  <li key={row}>
                    <code>{row}</code> {description}
                  </li>
                ))}
                {law.broken_count > law.broken.length && (
                  <li className="soft">and {showCount(law.broken_count - law.broken.length)} more</li>
                )}
              </ul>
            )}
          </li>
        ))}
      </ol>
    </>
  );
}
