// One campaign: its river, its pace and cost, commands, why messages failed, and every message.
import { type ReactNode, useEffect, useState } from "react";
import { Link } from "wouter";
import type { StatisticsAnswer } from "../../contracts/campaign_reads.ts";
import { builtInCarrier, type CarrierAnswer } from "../../contracts/carriers.ts";
import type { BulksmsAnswer } from "../../contracts/http.ts";
import { importEndOf, importEnds } from "../../contracts/import_ends.ts";
import { isProduct } from "../../contracts/prices.ts";
import { type BulksmsStatus, countIn, isCampaignIn, type ShownState, shownCounts } from "../../contracts/states.ts";
import { messageReason, rejectWords } from "../../contracts/words.ts";
import { askSalesapi, Problem } from "../api/api.ts";
import { useAnswer } from "../api/use_answer.ts";
import { useTopic } from "../live/live.ts";
import { CampaignCarrier } from "../look/carrier_badge.tsx";
import { Mark } from "../look/mark.tsx";
import { Trouble } from "../look/problem_view.tsx";
import {
  bulksmsWords,
  campaignWords,
  carrierWords,
  sendingWords,
  showCount,
  showCredits,
  showMoment,
  showMs,
  showSeconds,
} from "../look/words.ts";
import { useSession } from "../shell/session.ts";
import { FollowUp } from "./follow_up.tsx";
import { MessageTable } from "./message_table.tsx";
import { River, RiverWords } from "./river.tsx";
import { usePace } from "./use_pace.ts";

/** While it runs, what the topic does not carry is reloaded at this interval. */
const askAgainMs = 2_000;

type Command = "run" | "pause" | "resume" | "cancel";
const commandsOf: Readonly<Record<BulksmsStatus, readonly Command[]>> = {
  importing: ["cancel"],
  import_failed: [],
  ready: ["run", "cancel"],
  reserving: [],
  running: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  canceling: [],
  settling: [],
  finished: [],
  canceled: [],
};
const commandWords: Readonly<Record<Exclude<Command, "run">, string>> = { pause: "Pause", resume: "Resume", cancel: "Cancel" };

export function CampaignPage({ id }: { id: string }) {
  const live = useTopic("bulksms_progress", id);
  const [beat, setBeat] = useState(0);
  const { answer: campaign, error, again } = useAnswer<BulksmsAnswer>("salesapi", `/bulksms/${id}`, `${live?.status} ${beat}`);
  const { answer: statistics } = useAnswer<StatisticsAnswer>("salesapi", `/bulksms/${id}/statistics`, `${live?.status} ${beat}`);
  const isUnderWay = campaign?.status === "importing" || (live !== null && isCampaignIn("holding", live.status));
  useEffect(() => {
    if (!isUnderWay) return;
    const timer = window.setInterval(() => setBeat((before) => before + 1), askAgainMs);
    return () => window.clearInterval(timer);
  }, [isUnderWay]);
  if (campaign === null) {
    return error === null ? <p className="soft">One moment ...</p> : <Trouble error={error} again={again} />;
  }
  const newest = live !== null && live.version >= campaign.version ? live : campaign;
  if (newest.status === "import_failed") return <NotImported campaign={campaign} />;
  return <Campaign campaign={campaign} newest={newest} statistics={statistics} again={again} />;
}

/** Nothing of its file is kept, so there is nothing to show but why, and the way back. */
function NotImported({ campaign }: { campaign: BulksmsAnswer }) {
  const end = importEndOf(campaign.last_error);
  return (
    <article className="campaign">
      <Head campaign={campaign} words={campaignWords(campaign)} />
      <p className="trouble" role="alert">
        <Mark meaning="failed" /> {end === null ? (campaign.last_error ?? "").replaceAll("_", " ") : importEnds[end]}. Nothing of the file
        is kept, no credit is held, and nobody was texted.
      </p>
      <p className="bubble">{campaign.text}</p>
      <p className="soft">
        from {campaign.sender} · {showMoment(campaign.created_at)}
      </p>
      <p className="actions">
        <Link href="/send" className="button primary">
          {end === null ? "Choose another file" : "Send the file again"}
        </Link>
      </p>
    </article>
  );
}

interface CampaignProps {
  campaign: BulksmsAnswer;
  /** The newer of the answer and the topic. */
  newest: Pick<BulksmsAnswer, "status" | "contacts" | "counts" | "unconfirmed" | "charged" | "version">;
  statistics: StatisticsAnswer | null;
  again: () => void;
}

function Campaign({ campaign, newest, statistics, again }: CampaignProps) {
  const { status, counts, contacts, charged } = newest;
  const [chosen, setChosen] = useState<ShownState | null>(null);
  const shown = shownCounts(newest);
  const pace = usePace(counts, contacts);
  const final = countIn("final", counts);
  return (
    <article className="campaign">
      <Head campaign={campaign} words={bulksmsWords[status]}>
        <Commands campaign={campaign} status={status} again={again} />
      </Head>
      {campaign.last_error !== null && (
        <p className="trouble" role="alert">
          <Mark meaning="failed" /> {campaign.last_error.replaceAll("_", " ")}
        </p>
      )}
      <River counts={shown} />
      <RiverWords counts={shown} chosen={chosen} onChoose={setChosen} />
      <dl className="figures">
        <Figure name="final" value={`${showCount(final)} of ${showCount(contacts)}`} />
        <Figure name="pace" value={pace.perS === null || status !== "running" ? "–" : `${showCount(Math.round(pace.perS))}/s`} />
        <Figure name="left" value={leftWords(status, pace.leftS)} />
        <Figure name="charged" value={`${showCredits(charged)} of ${showCredits(campaign.cost)}`} />
        <Figure name="submit to sent" value={latencyWords(statistics?.submit_to_sent)} />
        <Figure name="sent to delivered" value={latencyWords(statistics?.sent_to_delivered)} />
      </dl>
      <Doubt carrier={campaign.carrier} inDoubt={counts.unknown} ended={statistics?.ended_in_doubt ?? 0} />
      <Reasons statistics={statistics} />
      <details>
        <summary>Text, sender, file</summary>
        <p className="bubble">{campaign.text}</p>
        <p className="soft">
          from {campaign.sender} · {carrierWords(campaign.carrier)} · {showCount(campaign.parts)} parts
          {isProduct(campaign.parts, campaign.price, campaign.cost) && ` at ${showCredits(campaign.price)}`} · given up after{" "}
          {showSeconds(campaign.deadline_s)} · made {showMoment(campaign.created_at)}
        </p>
        {campaign.rejected > 0 && (
          <p className="soft">
            {showCount(campaign.rejected)} rows of the file could not be texted:{" "}
            {Object.entries(campaign.rejects)
              .map(([reason, count]) => `${rejectWords[reason as keyof typeof rejectWords] ?? reason} ${showCount(count)}`)
              .join(", ")}
          </p>
        )}
      </details>
      <FollowUp campaign={campaign} />
      <MessageTable id={campaign.id} contacts={contacts} status={chosen} version={newest.version} />
    </article>
  );
}

/** The way back, the campaign's name, where it stands, and whether it reaches phones. */
function Head({ campaign, words, children }: { campaign: BulksmsAnswer; words: ReturnType<typeof campaignWords>; children?: ReactNode }) {
  return (
    <>
      <p className="crumbs">
        <Link href="/campaigns">Campaigns</Link>
      </p>
      <div className="head">
        <h1>{campaign.name}</h1>
        <CampaignCarrier carrier={campaign.carrier} />
        <p className="campaign-state" role="status">
          <Mark meaning={words.meaning} /> {words.description}
        </p>
        {children}
      </div>
    </>
  );
}

function Figure({ name, value }: { name: string; value: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="figure live">{value}</dd>
    </div>
  );
}

function leftWords(status: BulksmsStatus, leftS: number | null): string {
  if (isCampaignIn("complete", status)) return "done";
  if (status !== "running" || leftS === null) return "–";
  return `about ${showSeconds(Math.max(1, leftS))}`;
}

function latencyWords(latency: StatisticsAnswer["submit_to_sent"] | undefined): ReactNode {
  if (latency === null || latency === undefined) return "–";
  return (
    <>
      {showMs(latency.p50_ms)}{" "}
      <small className="soft">
        p90 {showMs(latency.p90_ms)} · p99 {showMs(latency.p99_ms)}
      </small>
    </>
  );
}

interface DoubtProps {
  carrier: CarrierAnswer;
  inDoubt: number;
  /** Those that ended as expired, and were in doubt until then. */
  ended: number;
}

/** What nobody knows is said, with what follows from it. */
function Doubt({ carrier, inDoubt, ended }: DoubtProps) {
  if (inDoubt === 0 && ended === 0) return null;
  return (
    <section className="notes doubt" aria-label="messages in doubt">
      <h2>
        <Mark meaning="broken" /> {showMessages(inDoubt + ended)} in doubt
      </h2>
      {inDoubt > 0 && (
        <p>
          {showMessages(inDoubt)} {inDoubt === 1 ? "was" : "were"} submitted and the carrier's answer never came: nobody knows whether it
          has {inDoubt === 1 ? "it" : "them"}. {openDoubtWords(carrier, inDoubt)}
        </p>
      )}
      {ended > 0 && (
        <p>
          {showMessages(ended)} ended without knowing: neither the carrier's answer nor a receipt came until the deadline.{" "}
          {ended === 1 ? "It counts" : "They count"} as expired and {ended === 1 ? "costs" : "cost"} nothing, but may have arrived. Whoever
          texts {ended === 1 ? "this person" : "these people"} again may text them twice.
        </p>
      )}
    </section>
  );
}

/** The simulator knows a reference again, and may be asked twice; no other carrier is. */
function openDoubtWords({ name }: CarrierAnswer, inDoubt: number): string {
  if (name === builtInCarrier) return "Its receipts will tell.";
  const kept = inDoubt === 1 ? "It is not sent again" : "They are not sent again";
  return `${kept}, so that nobody is texted twice; a late answer or a receipt can still tell. Without either, the deadline ends it as expired, uncharged.`;
}

const showMessages = (count: number): string => `${showCount(count)} ${count === 1 ? "message" : "messages"}`;

function Reasons({ statistics }: { statistics: StatisticsAnswer | null }) {
  if (statistics === null || statistics.errors.length === 0) return null;
  const isSample = statistics.rows_sampled < statistics.rows_total;
  return (
    <section aria-label="why messages failed">
      <h2>Why some messages did not arrive</h2>
      <ul className="chips">
        {statistics.errors.map(({ error_code, status, rows }) => (
          <li key={`${error_code} ${status}`} className="chip" title={messageReason(status, error_code)}>
            <Mark meaning="failed" /> <code>{error_code}</code> <span className="soft">{status}</span> <strong>{showCount(rows)}</strong>
          </li>
        ))}
      </ul>
      {isSample && (
        <p className="soft">
          of {showCount(statistics.rows_sampled)} messages looked at, evenly from {showCount(statistics.rows_total)}
        </p>
      )}
    </section>
  );
}

interface CommandsProps {
  campaign: BulksmsAnswer;
  status: BulksmsStatus;
  again: () => void;
}

function Commands({ campaign, status, again }: CommandsProps) {
  const { id, carrier, contacts } = campaign;
  const { scopes } = useSession();
  const [isBusy, setIsBusy] = useState(false);
  const [isSure, setIsSure] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const give = async (command: Command, accepted: { price_version?: unknown } = {}) => {
    // a cancel cannot be undone, so it asks for confirmation
    if (command === "cancel" && !isSure) return setIsSure(true);
    setIsBusy(true);
    setIsSure(false);
    setFailed(null);
    try {
      await askSalesapi(`/${command}`, { method: "POST", body: { bulksms_id: id, ...accepted } });
    } catch (error) {
      setFailed(error);
    }
    setIsBusy(false);
    again();
  };
  if (!scopes.includes("send")) return null;
  return (
    <div className="actions">
      {commandsOf[status].map((command) => (
        <button
          key={command}
          type="button"
          disabled={isBusy}
          className={command === "run" || command === "resume" ? "primary" : command === "cancel" ? "danger" : undefined}
          onClick={() => void give(command)}
        >
          {command === "cancel" && isSure ? "Cancel it: sure?" : commandWord(command, carrier, contacts)}
        </button>
      ))}
      {isPriceChange(failed) ? (
        <div className="trouble" role="alert">
          <p>
            <strong>The price list has changed.</strong> This campaign cost {showCredits(String(failed.facts.cost_before))} credits when its
            file was read; it would now cost {showCredits(String(failed.facts.cost))}. Nothing was sent.
          </p>
          <button type="button" disabled={isBusy} onClick={() => void give("run", { price_version: failed.facts.price_version })}>
            Run it for at most {showCredits(String(failed.facts.cost))} credits
          </button>
        </div>
      ) : (
        failed !== null && <Trouble error={failed} />
      )}
    </div>
  );
}

const commandWord = (command: Command, carrier: CarrierAnswer, contacts: number): string =>
  command === "run" ? sendingWords(carrier, contacts) : commandWords[command];

const isPriceChange = (error: unknown): error is Problem => error instanceof Problem && error.code === "price_changed";
