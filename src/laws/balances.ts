// L1 and L2: every workspace's credit adds up. Both are equalities within one snapshot of ds, so
// they hold at every moment.
import { formatCredits } from "../contracts/credits.ts";
import type { Finding, Law } from "./law.ts";
import { cursorRows, onlyWorkspace, type Snapshots } from "./snapshots.ts";

export const ledgerSums: Law = {
  name: "L1",
  title: "each workspace: available + held + spent = top-ups = what the ledger sums to",
  checkRows: checkLedgerSums,
};

export const balances: Law = {
  name: "L2",
  title: "spent = settles, held = open part of holds, no balance below zero",
  checkRows: checkBalances,
};

interface WorkspaceSums {
  id: string;
  available: bigint;
  held: bigint;
  spent: bigint;
  ledgerAvailable: string;
  ledgerHeld: string;
  ledgerSpent: string;
  toppedUp: string;
  ledgerRows: bigint;
}

/**
 * Compares each account with the balance that the two sides of the ledger give it, and the total of
 * all accounts with everything that ever came in.
 */
async function checkLedgerSums({ dsBefore: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  const rows = sql<WorkspaceSums[]>`
    with sums as (
      select workspace_id, count(*) as ledger_rows,
        sum(amount) filter (where credit = 'available') as to_available, sum(amount) filter (where debit = 'available') as from_available,
        sum(amount) filter (where credit = 'held') as to_held, sum(amount) filter (where debit = 'held') as from_held,
        sum(amount) filter (where credit = 'spent') as to_spent,
        sum(amount) filter (where debit = 'outside') as topped_up
      from credit_ledger where true ${onlyWorkspace(sql, "workspace_id", scope)}
      group by workspace_id
    )
    select w.id, w.available, w.held, w.spent,
      (coalesce(to_available, 0) - coalesce(from_available, 0))::text as "ledgerAvailable",
      (coalesce(to_held, 0) - coalesce(from_held, 0))::text as "ledgerHeld",
      coalesce(to_spent, 0)::text as "ledgerSpent",
      coalesce(topped_up, 0)::text as "toppedUp",
      coalesce(ledger_rows, 0) as "ledgerRows"
    from workspace w left join sums s on s.workspace_id = w.id
    where true ${onlyWorkspace(sql, "id", scope)}`;
  for await (const batch of rows.cursor(cursorRows)) for (const row of batch) judgeLedgerSums(row, finding);
}

function judgeLedgerSums(row: WorkspaceSums, finding: Finding): void {
  finding.compared(1 + Number(row.ledgerRows));
  const name = `workspace ${row.id}`;
  const accounts = [
    ["available", row.available, BigInt(row.ledgerAvailable)],
    ["held", row.held, BigInt(row.ledgerHeld)],
    ["spent", row.spent, BigInt(row.ledgerSpent)],
    ["available + held + spent", row.available + row.held + row.spent, BigInt(row.toppedUp)],
  ] as const;
  for (const [account, stored, expected] of accounts) {
    if (stored !== expected) finding.broken(name, `${account} ${formatCredits(stored)}, the ledger says ${formatCredits(expected)}`);
  }
}

interface WorkspaceHolds {
  id: string;
  available: bigint;
  held: bigint;
  spent: bigint;
  settles: string;
  openParts: string;
}

interface HoldSums {
  id: string;
  origin: string;
  state: string;
  amount: bigint;
  settled: bigint;
  released: bigint;
  ledgerHeld: string;
  ledgerSettled: string;
  ledgerReleased: string;
  ledgerRows: bigint;
  foreignRows: bigint;
}

async function checkBalances({ dsBefore: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  const workspaces = sql<WorkspaceHolds[]>`
    select w.id, w.available, w.held, w.spent, coalesce(s.settles, 0)::text as settles, coalesce(h.open_parts, 0)::text as "openParts"
    from workspace w
    left join (
      select workspace_id, sum(amount) as settles from credit_ledger
      where kind = 'settle' ${onlyWorkspace(sql, "workspace_id", scope)} group by workspace_id
    ) s on s.workspace_id = w.id
    left join (
      select workspace_id, sum(amount - settled - released) as open_parts from credit_hold
      where state = 'open' ${onlyWorkspace(sql, "workspace_id", scope)} group by workspace_id
    ) h on h.workspace_id = w.id
    where true ${onlyWorkspace(sql, "id", scope)}`;
  for await (const batch of workspaces.cursor(cursorRows)) for (const row of batch) judgeWorkspace(row, finding);

  const holds = sql<HoldSums[]>`
    select h.id, h.origin, h.state, h.amount, h.settled, h.released,
      coalesce(l.held, 0)::text as "ledgerHeld", coalesce(l.settled, 0)::text as "ledgerSettled",
      coalesce(l.released, 0)::text as "ledgerReleased", coalesce(l.ledger_rows, 0) as "ledgerRows", coalesce(l.foreign_rows, 0) as "foreignRows"
    from credit_hold h
    left join (
      select l.hold_id, count(*) as ledger_rows, count(*) filter (where l.workspace_id <> o.workspace_id) as foreign_rows,
        sum(l.amount) filter (where kind = 'hold') as held, sum(l.amount) filter (where kind = 'settle') as settled,
        sum(l.amount) filter (where kind = 'release') as released
      from credit_ledger l join credit_hold o on o.id = l.hold_id
      where true ${onlyWorkspace(sql, "o.workspace_id", scope)}
      group by l.hold_id
    ) l on l.hold_id = h.id
    where true ${onlyWorkspace(sql, "h.workspace_id", scope)}`;
  for await (const batch of holds.cursor(cursorRows)) for (const row of batch) judgeHold(row, finding);
}

function judgeWorkspace(row: WorkspaceHolds, finding: Finding): void {
  finding.compared(1);
  const name = `workspace ${row.id}`;
  if (row.spent !== BigInt(row.settles))
    finding.broken(name, `spent ${formatCredits(row.spent)}, its settles sum to ${formatCredits(BigInt(row.settles))}`);
  if (row.held !== BigInt(row.openParts))
    finding.broken(name, `held ${formatCredits(row.held)}, its holds have ${formatCredits(BigInt(row.openParts))} open`);
  for (const account of ["available", "held", "spent"] as const) {
    if (row[account] < 0n) finding.broken(name, `${account} is below zero: ${formatCredits(row[account])}`);
  }
}

/**
 * A hold that never held anything (refused, tombstone) has no ledger rows: its released amount was
 * never taken.
 */
function judgeHold(row: HoldSums, finding: Finding): void {
  finding.compared(1 + Number(row.ledgerRows));
  const name = `credit_hold ${row.id}`;
  const isHeld = row.origin === "held";
  const pairs = [
    ["amount", isHeld ? row.amount : 0n, BigInt(row.ledgerHeld)],
    ["settled", row.settled, BigInt(row.ledgerSettled)],
    ["released", isHeld ? row.released : 0n, BigInt(row.ledgerReleased)],
  ] as const;
  for (const [column, stored, expected] of pairs) {
    if (stored !== expected) finding.broken(name, `${column} ${formatCredits(stored)}, the ledger says ${formatCredits(expected)}`);
  }
  if (row.foreignRows > 0n) finding.broken(name, `${row.foreignRows} of its ledger rows belong to another workspace`);
  if (row.settled + row.released > row.amount) finding.broken(name, "settled and released are more than its amount");
  if (row.state === "closed" && row.settled + row.released !== row.amount) finding.broken(name, "closed, but part of it is still open");
}
