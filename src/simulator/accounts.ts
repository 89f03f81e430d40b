// The accounts that submit in the dialect of another carrier (contracts/simulator_accounts.ts):
// which there are, their batch of the journal, their next row, and where their receipts go. A new
// one is on disk before its first row.
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type AccountProtocol,
  accountsFile,
  formatAccount,
  parseAccounts,
  protocolOf,
  type SimulatorAccount,
} from "../contracts/simulator_accounts.ts";
import { uuidOf } from "../platform/ids.ts";
import type { Segment } from "./segment.ts";

export interface Account extends SimulatorAccount {
  /** Row of its next message. */
  nextRow: number;
}

/**
 * Where the receipts of a dialect's messages go. Each is a pair (owner, what), as in
 * receipts_out.ts; it ends by receiptDone or receiptRefused, once.
 */
export interface AccountReceipts {
  push(account: Account, owner: number, what: number): void;
  flush(): void;
  /** Receipts queued or in flight. */
  pending(): number;
  /** Ends after the attempts in flight; the journal keeps what is not acknowledged. */
  stop(): Promise<void>;
}

export interface Accounts {
  /** Reads the file. Before the journal opens. */
  open(): Promise<void>;
  /**
   * The account of this name, made if there is none.
   * @param lastRow row number of the last message that the journal has of a batch, 0 if none
   */
  take(name: string, lastRow: (batchId: string) => Promise<number>): Promise<Account>;
  /** Only if it has ever submitted. */
  find(name: string): SimulatorAccount | undefined;
  ofBatch(batchId: string): SimulatorAccount | undefined;
  /** A dialect's messages are told to this. Before the journal opens. */
  register(protocol: AccountProtocol, receipts: AccountReceipts): void;
  /** Passes a receipt on to its dialect. False: it is none of an account. */
  push(segment: Segment, owner: number, what: number): boolean;
  flush(): void;
  pending(): number;
  stop(): Promise<void>;
}

export function createAccounts(folder: string): Accounts {
  const path = join(folder, accountsFile);
  const byName = new Map<string, Account>();
  const byBatch = new Map<string, Account>();
  /** Accounts whose next row is known. */
  const ready = new Map<string, Promise<Account>>();
  const receiversOf = new Map<AccountProtocol, AccountReceipts>();
  let appending = Promise.resolve();

  const keep = (account: SimulatorAccount): Account => {
    const kept = { ...account, nextRow: 1 };
    byName.set(kept.name, kept);
    byBatch.set(kept.batchId, kept);
    return kept;
  };

  async function make(name: string): Promise<Account> {
    const account = { name, batchId: uuidOf(randomBytes(16), 8) };
    appending = appending.then(() => appendSynced(path, formatAccount(account)));
    await appending;
    return keep(account);
  }

  return {
    async open() {
      const text = await readFile(path, "utf8").catch(noneIfMissing);
      await mkdir(folder, { recursive: true });
      // what a crash cut is ended, so that it spoils no other line
      if (text !== "" && !text.endsWith("\n")) await cutTo(path, Buffer.byteLength(text.slice(0, text.lastIndexOf("\n") + 1)));
      for (const account of parseAccounts(text)) keep(account);
    },
    take(name, lastRow) {
      let account = ready.get(name);
      if (account === undefined) {
        account = prepare(name);
        ready.set(name, account);
        // a disk that failed once may answer the next time
        account.catch(() => ready.delete(name));
      }
      return account;

      async function prepare(called: string): Promise<Account> {
        const known = byName.get(called) ?? (await make(called));
        known.nextRow = (await lastRow(known.batchId)) + 1;
        return known;
      }
    },
    find: (name) => byName.get(name),
    ofBatch: (batchId) => byBatch.get(batchId),
    register: (protocol, receipts) => void receiversOf.set(protocol, receipts),
    push(segment, owner, what) {
      // nearly every installation has none
      if (byBatch.size === 0) return false;
      const account = byBatch.get(segment.batchId);
      if (account === undefined) return false;
      const receiver = receiversOf.get(protocolOf(account.name));
      // the dialect is switched off: the next start that has it tells the receipt
      if (receiver === undefined) segment.uses -= 1;
      else receiver.push(account, owner, what);
      return true;
    },
    flush() {
      for (const receiver of receiversOf.values()) receiver.flush();
    },
    pending: () => [...receiversOf.values()].reduce((sum, receiver) => sum + receiver.pending(), 0),
    async stop() {
      await Promise.all([...receiversOf.values()].map((receiver) => receiver.stop()));
    },
  };
}

async function appendSynced(path: string, line: string): Promise<void> {
  const file = await open(path, "a");
  try {
    await file.appendFile(line);
    await file.sync();
  } finally {
    await file.close();
  }
  const folder = await open(join(path, ".."), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function cutTo(path: string, bytes: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}

function noneIfMissing(error: unknown): "" {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
  throw error;
}
