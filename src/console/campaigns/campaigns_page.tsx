// The campaigns of the workspace, newest first.
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { BulksmsAnswer, BulksmsKind, BulksmsPage } from "../../contracts/http.ts";
import { isCampaignIn, shownCounts } from "../../contracts/states.ts";
import { useAnswer } from "../api/use_answer.ts";
import { useTopic } from "../live/live.ts";
import { CampaignCarrier } from "../look/carrier_badge.tsx";
import { Mark } from "../look/mark.tsx";
import { Trouble } from "../look/problem_view.tsx";
import { campaignWords, showCount, showCredits, showMoment } from "../look/words.ts";
import { useSession } from "../shell/session.ts";
import { River } from "./river.tsx";

const pageCampaigns = 30;
/** While a file is read, which no topic tells of, the list is asked for at this interval. */
const askAgainMs = 2_000;

/** Single texts, which applications send by the thousand, have a list of their own. */
const kinds: Readonly<Record<BulksmsKind, string>> = { campaign: "From files", message: "Single texts" };

export function CampaignsPage() {
  const { workspace_id: workspaceId } = useSession();
  const [kind, setKind] = useState<BulksmsKind>("campaign");
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  // a campaign changes its state whenever it holds or releases credit
  const held = useTopic("workspace_credit", workspaceId)?.held;
  const [beat, setBeat] = useState(0);
  const path = `/bulksms?limit=${pageCampaigns}&kind=${kind}${cursor === undefined ? "" : `&cursor=${cursor}`}`;
  const { answer, error, again } = useAnswer<BulksmsPage>("salesapi", path, `${held === "0" || held === undefined} ${beat}`);
  const isReading = answer?.bulksms.some(({ status }) => status === "importing") === true;
  useEffect(() => {
    if (!isReading) return;
    const timer = window.setInterval(() => setBeat((before) => before + 1), askAgainMs);
    return () => window.clearInterval(timer);
  }, [isReading]);
  return (
    <>
      <div className="head">
        <h1>Campaigns</h1>
        <Link href="/send" className="button primary">
          New campaign
        </Link>
      </div>
      <fieldset className="actions">
        <legend className="soft">Show</legend>
        {Object.entries(kinds).map(([name, label]) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === kind}
            onClick={() => {
              setKind(name as BulksmsKind);
              setCursors([]);
            }}
          >
            {label}
          </button>
        ))}
      </fieldset>
      {error !== null && <Trouble error={error} again={again} />}
      {answer?.bulksms.length === 0 && cursor === undefined && kind === "message" && (
        <p className="soft">No single text yet: applications send them with POST /messages.</p>
      )}
      {answer?.bulksms.length === 0 && cursor === undefined && kind === "campaign" && (
        <section className="empty">
          <p>A campaign is one text to many people. Drop a file of contacts, write the text, and watch every message to its end.</p>
          <Link href="/send" className="button primary large">
            Text your first people
          </Link>
        </section>
      )}
      {answer !== null && answer.bulksms.length > 0 && (
        <ul className="campaigns">
          {answer.bulksms.map((campaign) => (
            <CampaignRow key={campaign.id} campaign={campaign} />
          ))}
        </ul>
      )}
      <p className="actions">
        {cursors.length > 0 && (
          <button type="button" onClick={() => setCursors(cursors.slice(0, -1))}>
            Newer
          </button>
        )}
        {answer?.next_cursor != null && (
          <button type="button" onClick={() => setCursors([...cursors, answer.next_cursor as string])}>
            Older
          </button>
        )}
      </p>
    </>
  );
}

/** Live while it is running. */
function CampaignRow({ campaign }: { campaign: BulksmsAnswer }) {
  const live = useTopic("bulksms_progress", isCampaignIn("ended", campaign.status) ? null : campaign.id);
  const { status, counts, unconfirmed, contacts } = live ?? campaign;
  const { description, meaning } = campaignWords({ status, last_error: campaign.last_error });
  return (
    <li>
      <Link href={`/campaigns/${campaign.id}`}>
        <span>
          <span className="campaign-name">{campaign.kind === "message" ? campaign.text : campaign.name}</span>{" "}
          <CampaignCarrier carrier={campaign.carrier} />
        </span>
        <span className="campaign-state">
          <Mark meaning={meaning} /> {description}
        </span>
        <River counts={shownCounts({ counts, unconfirmed })} isSmall />
        <span className="campaign-figures soft">
          {showCount(contacts)} {contacts === 1 ? "contact" : "contacts"} · {showCredits(campaign.cost)} at most ·{" "}
          <time dateTime={campaign.created_at}>{showMoment(campaign.created_at)}</time>
        </span>
      </Link>
    </li>
  );
}
