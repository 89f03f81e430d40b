// Error codes as the journal and the segments keep them: by their place in the contract's list.
import type { CarrierErrorCode } from "../contracts/receipts.ts";
import { journalErrorCodes } from "../contracts/simulator_journal.ts";

export const errorNumbers: ReadonlyMap<CarrierErrorCode | null, number> = new Map(journalErrorCodes.map((code, index) => [code, index]));
