// Credit: the live balance, a top-up, and the ledger whose sum it is.
import { type FormEvent, useRef, useState } from "react";
import type { LedgerAnswer, LedgerEntry } from "../../contracts/workspaces.ts";
import { askWebapi } from "../api/api.ts";
import { useAnswer } from "../api/use_answer.ts";
import { useTopic } from "../live/live.ts";
import { Trouble } from "../look/problem_view.tsx";
import { showCredits, showMoment, showTime } from "../look/words.ts";
import { useSession } from "../shell/session.ts";

const kindWords: Readonly<Record<LedgerEntry["kind"], string>> = {
  top_up: "topped up",
  hold: "held for a campaign",
  settle: "charged for sent parts",
  release: "given back",
};

export function CreditPage() {
  const { workspace_id: id, workspace_name: name, scopes } = useSession();
  const live = useTopic("workspace_credit", id);
  const [cursors, setCursors] = useState<string[]>([]);
  const cursor = cursors.at(-1);
  const path = `/workspaces/${id}/ledger?limit=50${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
  // the first page grows with each charge: reloaded when the credit moves, at most once a second
  const beat = cursor === undefined && live !== null ? Math.floor(live.version / 20) : 0;
  const { answer, error, again } = useAnswer<LedgerAnswer>("webapi", path, beat);
  return (
    <>
      <h1>Credit</h1>
      <p className="soft lead">of the workspace {name}</p>
      <dl className="balance">
        <div>
          <dt>free</dt>
          <dd className="huge live">{live === null ? "–" : showCredits(live.available)}</dd>
        </div>
        <div>
          <dt>held for campaigns</dt>
          <dd className="huge live">{live === null ? "–" : showCredits(live.held)}</dd>
        </div>
      </dl>
      {scopes.includes("admin") && <TopUp workspaceId={id} onDone={again} />}
      <h2>Ledger</h2>
      {error !== null && <Trouble error={error} again={again} />}
      {answer?.entries.length === 0 && <p className="soft">Nothing has moved yet. A top-up is the first line.</p>}
      {answer !== null && answer.entries.length > 0 && <Ledger entries={answer.entries} />}
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

function Ledger({ entries }: { entries: readonly LedgerEntry[] }) {
  return (
    <div className="table-scroll">
      <table className="plain wide">
        <thead>
          <tr>
            <th scope="col">when</th>
            <th scope="col">what</th>
            <th scope="col">from</th>
            <th scope="col">to</th>
            <th scope="col" className="number">
              credits
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.transfer_id}>
              <td>
                <time dateTime={entry.created_at} title={showMoment(entry.created_at)}>
                  {showTime(entry.created_at)}
                </time>
              </td>
              <td>{kindWords[entry.kind]}</td>
              <td className="soft">{entry.debit}</td>
              <td className="soft">{entry.credit}</td>
              <td className="number">{showCredits(entry.amount)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TopUp({ workspaceId, onDone }: { workspaceId: string; onDone: () => void }) {
  const [amount, setAmount] = useState("100");
  const [failed, setFailed] = useState<unknown>(null);
  const [description, setDescription] = useState("");
  /** Until it is known to have succeeded, repeats of the same top-up use the same key. */
  const key = useRef(crypto.randomUUID());
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setFailed(null);
    try {
      await askWebapi(`/workspaces/${workspaceId}/credit`, {
        method: "POST",
        body: { amount: amount.trim() },
        idempotencyKey: key.current,
      });
      key.current = crypto.randomUUID();
      setDescription(`${showCredits(amount.trim())} credits were added.`);
      onDone();
    } catch (error) {
      setFailed(error);
      setDescription("");
    }
  };
  return (
    <form className="top-up" onSubmit={submit}>
      <label className="inline">
        Top up by{" "}
        <input
          value={amount}
          inputMode="decimal"
          size={9}
          onChange={(event) => {
            setAmount(event.target.value);
            key.current = crypto.randomUUID();
          }}
        />{" "}
        credits
      </label>
      <button type="submit">Top up</button>
      <span role="status">{description}</span>
      {failed !== null && <Trouble error={failed} />}
    </form>
  );
}
