// How fast rows that need another try come due again, computed by the database (its clock decides).
// Used by the sweeper, by the relay of the outbox, and by callbacks.

/** Between two claims of one campaign by the sweeper. */
export const ringBackoff = { firstMs: 500, maxMs: 30_000 };

/**
 * Until an unconfirmed outbox row is sent again: the ledger takes each id once, so a duplicate job
 * only costs work.
 */
export const relayBackoff = { firstMs: 1_000, maxMs: 30_000 };

/** Between two tries to tell an application of one message. */
export const callbackBackoff = { firstMs: 1_000, maxMs: 900_000 };

/** A change that nobody has acknowledged for this long is given up: some hundred tries. */
export const callbackGiveUpHours = 24;
