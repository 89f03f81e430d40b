// How fast rows that need another try come due again, computed by the database (its clock decides).
// Used by the sweeper and by the relay of the outbox.

/** Between two claims of one campaign by the sweeper. */
export const ringBackoff = { firstMs: 500, maxMs: 30_000 };

/**
 * Until an unconfirmed outbox row is sent again: the ledger takes each id once, so a duplicate job
 * only costs work.
 */
export const relayBackoff = { firstMs: 1_000, maxMs: 30_000 };
