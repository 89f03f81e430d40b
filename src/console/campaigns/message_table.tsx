// Every message of a campaign, up to millions: only the visible rows are drawn, and pages of them
// are loaded as they scroll into view.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import type { MessageAnswer, MessagesPage } from "../../contracts/campaign_reads.ts";
import { type ShownState, shownStateOf } from "../../contracts/states.ts";
import { messageWords, stateName } from "../../contracts/words.ts";
import { askSalesapi } from "../api/api.ts";
import { Mark } from "../look/mark.tsx";
import { Trouble } from "../look/problem_view.tsx";
import { messageMeaning, showCount, showTime } from "../look/words.ts";

const pageRows = 200;
const rowPx = 36;
/**
 * Browsers draw nothing beyond some 17 (Firefox) to 33 million pixels: a longer campaign is shown
 * from a chosen row on.
 */
const rowsInReach = 400_000;
/** Interval at which the visible rows are reloaded while the campaign moves. */
const freshMs = 1_500;

interface MessageTableProps {
  id: string;
  contacts: number;
  status: ShownState | null;
  /** Of the campaign: the rows shown are older than this. */
  version: number;
}

export function MessageTable({ id, contacts, status, version }: MessageTableProps) {
  const [digits, setDigits] = useState("");
  const suffix = digits.replace(/\D/g, "").slice(-15);
  const isFiltered = status !== null || suffix !== "";
  return (
    <section aria-label="messages">
      <div className="head">
        <h2>Messages</h2>
        <label className="inline">
          Number ends with{" "}
          <input value={digits} inputMode="numeric" size={12} maxLength={20} onChange={(event) => setDigits(event.target.value)} />
        </label>
      </div>
      {isFiltered ? (
        <FoundRows key={`${status} ${suffix}`} id={id} status={status} suffix={suffix} version={version} />
      ) : (
        <AllRows id={id} contacts={contacts} version={version} />
      )}
    </section>
  );
}

/**
 * Without a filter, a row's position is its number: any page can be loaded, wherever the reader
 * scrolls.
 */
function AllRows({ id, contacts, version }: { id: string; contacts: number; version: number }) {
  const pages = useRef(new Map<number, { rows: MessageAnswer[]; version: number; atMs: number; isAsked: boolean }>());
  const [, redraw] = useState(0);
  const [failed, setFailed] = useState<unknown>(null);
  const [fromText, setFromText] = useState("1");
  const isLong = contacts > rowsInReach;
  const before = isLong ? Math.min(Math.max(Math.trunc(Number(fromText)) || 1, 1), contacts) - 1 : 0;
  const inReach = Math.min(contacts - before, rowsInReach);
  const need = (page: number) => {
    const known = pages.current.get(page);
    const isFresh = known !== undefined && (known.isAsked || known.version >= version || performance.now() - known.atMs < freshMs);
    if (isFresh) return;
    const entry = { rows: known?.rows ?? [], version, atMs: performance.now(), isAsked: true };
    pages.current.set(page, entry);
    askSalesapi<MessagesPage>(`/bulksms/${id}/messages?limit=${pageRows}&cursor=${page * pageRows}`).then(
      ({ messages }) => {
        Object.assign(entry, { rows: messages, isAsked: false });
        setFailed(null);
        redraw((times) => times + 1);
      },
      (error) => {
        entry.isAsked = false;
        setFailed(error);
      },
    );
  };
  return (
    <>
      {failed !== null && <Trouble error={failed} />}
      {isLong && (
        <p className="found">
          <label className="inline">
            From row <input type="number" min={1} max={contacts} value={fromText} onChange={(event) => setFromText(event.target.value)} />
          </label>{" "}
          <span className="soft">
            to {showCount(before + inReach)} of {showCount(contacts)}
          </span>
        </p>
      )}
      <Rows
        key={before}
        id={id}
        before={before}
        count={inReach}
        of={contacts}
        description={`${showCount(contacts)} messages in the order of the file`}
        rowAt={(row) => pages.current.get(Math.floor(row / pageRows))?.rows[row % pageRows] ?? null}
        onSight={(first, last) => {
          for (let page = Math.floor(first / pageRows); page <= Math.floor(last / pageRows); page++) need(page);
        }}
      />
    </>
  );
}

/**
 * With a filter: from the beginning, as far as the reader scrolls. A page may be empty without
 * being the last.
 */
function FoundRows({ id, status, suffix, version }: { id: string; status: ShownState | null; suffix: string; version: number }) {
  const [found, setFound] = useState<{ rows: MessageAnswer[]; cursor: number | null; version: number }>({ rows: [], cursor: 0, version });
  const [failed, setFailed] = useState<unknown>(null);
  const [lastSeen, setLastSeen] = useState(0);
  const { cursor } = found;
  const isWanted = cursor !== null && lastSeen >= found.rows.length - pageRows / 2;
  useEffect(() => {
    if (!isWanted) return;
    const stop = new AbortController();
    const query = new URLSearchParams({
      limit: String(pageRows),
      cursor: String(cursor),
      ...(status === null ? {} : { status }),
      ...(suffix === "" ? {} : { number_suffix: suffix }),
    });
    askSalesapi<MessagesPage>(`/bulksms/${id}/messages?${query}`, { signal: stop.signal }).then(
      ({ messages, next_cursor }) => {
        setFailed(null);
        setFound((before) => ({ ...before, rows: [...before.rows, ...messages], cursor: next_cursor }));
      },
      (error) => {
        if (!stop.signal.aborted) setFailed(error);
      },
    );
    return () => stop.abort();
  }, [id, status, suffix, cursor, isWanted]);
  const isOld = version > found.version;
  return (
    <>
      {failed !== null && <Trouble error={failed} again={() => setFound({ rows: [], cursor: 0, version })} />}
      <p className="soft found" role="status">
        {showCount(found.rows.length)} found{cursor !== null && " so far"}
        {isOld && (
          <>
            {" "}
            · the campaign has moved since{" "}
            <button type="button" className="quiet" onClick={() => setFound({ rows: [], cursor: 0, version })}>
              look again
            </button>
          </>
        )}
      </p>
      <Rows
        id={id}
        before={0}
        count={found.rows.length}
        of={found.rows.length}
        description="messages found"
        rowAt={(index) => found.rows[index] ?? null}
        onSight={(_first, last) => {
          if (last > lastSeen) setLastSeen(last);
        }}
      />
    </>
  );
}

interface RowsProps {
  id: string;
  /** Rows above the first one in reach. */
  before: number;
  /** Rows in reach. */
  count: number;
  /** All rows. */
  of: number;
  description: string;
  /** By its place among all rows, from 0. */
  rowAt: (place: number) => MessageAnswer | null;
  onSight: (first: number, last: number) => void;
}

function Rows({ id, before, count, of, description, rowAt, onSight }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => rowPx, overscan: 12 });
  const inSight = rows.getVirtualItems();
  const first = inSight[0]?.index ?? 0;
  const last = inSight.at(-1)?.index ?? 0;
  useEffect(() => {
    if (count > 0) onSight(before + first, before + last);
  });
  return (
    // biome-ignore lint/a11y/useSemanticElements: a <table> cannot leave out the rows that are not in sight
    <div className="messages" role="table" aria-label={description} aria-rowcount={of + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: as above, and a row is nothing to press */}
      <div className="message-head" role="row">
        {["row", "number", "state", "parts", "sent", "ended"].map((name) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          <span key={name} role="columnheader" tabIndex={-1}>
            {name}
          </span>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex lint/a11y/useSemanticElements: what scrolls must be reached by keyboard; and as above */}
      <div className="message-scroll" role="rowgroup" ref={scroller} tabIndex={0}>
        <div className="message-space" role="presentation" style={{ height: rows.getTotalSize() }}>
          {inSight.map(({ index, start }) => {
            const place = before + index;
            const row = rowAt(place);
            return (
              // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: as above
              <div key={index} className="message" role="row" aria-rowindex={place + 2} style={{ transform: `translateY(${start}px)` }}>
                {row === null ? <Cell>{showCount(place + 1)}</Cell> : <MessageCells id={id} row={row} />}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Cell({ children }: { children: ReactNode }) {
  // biome-ignore lint/a11y/useSemanticElements: as above
  return <span role="cell">{children}</span>;
}

function MessageCells({ id, row }: { id: string; row: MessageAnswer }) {
  const shown = shownStateOf(row.status, row.error_code);
  return (
    <>
      <Cell>
        <Link href={`/campaigns/${id}/${row.row_no}`}>{showCount(row.row_no)}</Link>
      </Cell>
      <Cell>{row.msisdn}</Cell>
      <Cell>
        <span title={messageWords[shown]}>
          <Mark meaning={messageMeaning[shown]} /> {stateName(shown)}
          {row.error_code !== null && shown === row.status && <code className="soft"> {row.error_code}</code>}
        </span>
      </Cell>
      <Cell>{row.parts}</Cell>
      <Cell>{row.sent_at === null ? "" : showTime(row.sent_at)}</Cell>
      <Cell>{row.done_at === null ? "" : showTime(row.done_at)}</Cell>
    </>
  );
}
