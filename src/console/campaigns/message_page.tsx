// One message: a vertical timeline, each step with its time, the wait since the previous one and
// the process that took it; and what it cost, and why.
import { Link } from "wouter";
import type { MessageTimelineAnswer, TimelineStep } from "../../contracts/campaign_reads.ts";
import { shownStateOf } from "../../contracts/states.ts";
import { messageWords, stateName } from "../../contracts/words.ts";
import { useAnswer } from "../api/use_answer.ts";
import { useTopic } from "../live/live.ts";
import { Mark } from "../look/mark.tsx";
import { Trouble } from "../look/problem_view.tsx";
import { messageMeaning, showCount, showCredits, showMoment, showMs, showTime } from "../look/words.ts";

export function MessagePage({ id, row }: { id: string; row: string }) {
  const version = useTopic("bulksms_progress", id)?.version ?? 0;
  const { answer, error, again } = useAnswer<MessageTimelineAnswer>("salesapi", `/bulksms/${id}/messages/${row}`, version);
  if (answer === null) return error === null ? <p className="soft">One moment ...</p> : <Trouble error={error} again={again} />;
  const { charge } = answer;
  const shown = shownStateOf(answer.status, answer.error_code);
  return (
    <article className="message-page">
      <p className="crumbs">
        <Link href="/campaigns">Campaigns</Link> / <Link href={`/campaigns/${id}`}>campaign</Link> / row {showCount(answer.row_no)}
      </p>
      <div className="head">
        <h1>{answer.msisdn}</h1>
        <p className="campaign-state" role="status">
          <Mark meaning={messageMeaning[shown]} /> {stateName(shown)} <span className="soft">{messageWords[shown]}</span>
        </p>
      </div>
      <ol className="way">
        {answer.way.map((step, index) => (
          <Stop key={step.step} step={step} waitedMs={waitBefore(answer.way, index)} />
        ))}
      </ol>
      <section aria-label="what it cost" className="charge">
        <h2>{charge.is_charged ? `Cost ${showCredits(charge.amount)} credits` : "Not charged"}</h2>
        <p>{charge.description}</p>
        {charge.transfer_id !== null && (
          <p className="soft">
            in the ledger's entry <code>{charge.transfer_id}</code>
          </p>
        )}
      </section>
      {answer.anomalies.length > 0 && (
        <section aria-label="refused receipts">
          <h2>Receipts that its state refused</h2>
          <ul className="plain-list">
            {answer.anomalies.map(({ receipt_id, kind, status: said, at }) => (
              <li key={receipt_id}>
                <Mark meaning="failed" /> {showTime(at)} the carrier said <code>{said}</code>: {kind.replaceAll("_", " ")}, quarantined
              </li>
            ))}
          </ul>
        </section>
      )}
    </article>
  );
}

function Stop({ step, waitedMs }: { step: TimelineStep; waitedMs: number | null }) {
  return (
    <li className={step.reached ? "stop stop-reached" : "stop"}>
      <h2>
        {step.step} {!step.reached && <span className="soft">not reached</span>}
      </h2>
      <p className="stop-time">
        {step.at !== null && (
          <time dateTime={step.at} title={showMoment(step.at)}>
            {showTime(step.at)}
          </time>
        )}
        {waitedMs !== null && <span className="soft"> {showMs(waitedMs)} later</span>}
      </p>
      <p className="soft">
        {step.description} · {step.process}
      </p>
    </li>
  );
}

/** Since the last step before it that has a time. */
function waitBefore(way: readonly TimelineStep[], index: number): number | null {
  const at = way[index]?.at;
  const before = way.slice(0, index).findLast((step) => step.at !== null)?.at;
  if (at === null || at === undefined || before === null || before === undefined) return null;
  return Math.max(0, Date.parse(at) - Date.parse(before));
}
