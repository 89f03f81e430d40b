// Every setting of every process: name, kind, unit, default, limits. The source of .env.example (a
// test compares them). Read once, in a node's main.ts, by platform/config; an unknown BULKSMS_
// name, a missing or a malformed value stops the process.

export type Setting = {
  description: string;
  isSecret?: true;
  /** Taken by the migration alone, and only once: elsewhere it is refused for this reason. */
  onlyForMigration?: string;
} & (
  | { kind: "integer"; unit: string; min: number; max: number; default?: number }
  | { kind: "port"; default?: number }
  | { kind: "text"; default?: string; form?: { pattern: RegExp; description: string } }
  | { kind: "url"; protocols: readonly string[]; default?: string }
  | { kind: "address"; default?: string }
  /** An IP address, or a name, to listen on. */
  | { kind: "host"; default?: string }
  | { kind: "choice"; choices: readonly string[]; default?: string }
  /** `form`: of each entry. */
  | { kind: "list"; default?: string; form?: { pattern: RegExp; description: string } }
  | { kind: "number"; unit: string; min: number; max: number; default?: number }
);

const postgresUrl = { kind: "url", protocols: ["postgres:", "postgresql:"], isSecret: true } as const;
const httpUrl = { kind: "url", protocols: ["http:", "https:"] } as const;

export const settings = {
  // all processes
  BULKSMS_HOST: {
    kind: "host",
    default: "127.0.0.1",
    description: "address that every endpoint listens on; any other than loopback needs keys and secrets",
  },
  BULKSMS_LOG_LEVEL: {
    kind: "choice",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    description: "lowest level that is logged",
  },
  BULKSMS_LOG_FORMAT: {
    kind: "choice",
    choices: ["json", "pretty"],
    default: "json",
    description: "one JSON object per line, or lines for people",
  },
  BULKSMS_DATA: {
    kind: "text",
    default: ".bulksms",
    description: "folder of everything that `bulksms up` keeps: engines, secrets, keys, journal",
  },
  BULKSMS_REDIS_URL: {
    kind: "url",
    protocols: ["redis:", "rediss:"],
    isSecret: true,
    description: "the common Redis; `bulksms up` starts its own when unset",
  },
  BULKSMS_REDIS_NAMESPACE: {
    kind: "text",
    default: "bulksms",
    // braces would make another hash tag of it
    form: { pattern: /^[A-Za-z0-9_-]{1,64}$/, description: "1 to 64 letters, digits, _ or -" },
    description: "first word of every Redis key and channel",
  },
  BULKSMS_INTERNAL_TOKEN: {
    kind: "text",
    isSecret: true,
    description: "shared by our processes when they call each other (gRPC, progress snapshots)",
  },
  BULKSMS_ADMIN_KEY: {
    kind: "text",
    isSecret: true,
    description: "API key with scope admin that `bulksms migrate` stores (its hash only)",
  },

  BULKSMS_CRASH_AT: {
    kind: "text",
    form: { pattern: /^[a-z0-9_]+(:[1-9]\d{0,6}(:freeze)?)?$/, description: "name:n or name:n:freeze" },
    description:
      "for experiments: a process kills itself at the n-th hit of this place (contracts/failpoints.ts), or freezes; refused beyond loopback",
  },

  // databases: the owner's URLs are for `bulksms migrate` and `bulksms up` alone
  BULKSMS_DS_OWNER_URL: { ...postgresUrl, description: "owner of database ds; `bulksms up` starts its own server when unset" },
  BULKSMS_SALESDB_OWNER_URL: { ...postgresUrl, description: "owner of database salesdb; `bulksms up` starts its own server when unset" },
  BULKSMS_WEBAPI_DATABASE_URL: { ...postgresUrl, description: "ds as role webapi" },
  BULKSMS_RPC_DATABASE_URL: { ...postgresUrl, description: "ds as role rpc" },
  BULKSMS_GENERAL_WORKER_DATABASE_URL: { ...postgresUrl, description: "ds as role general_worker" },
  BULKSMS_SALESAPI_DATABASE_URL: { ...postgresUrl, description: "salesdb as role salesapi" },
  BULKSMS_SALES_WORKER_DATABASE_URL: { ...postgresUrl, description: "salesdb as role sales_worker" },
  BULKSMS_CHECK_DS_URL: { ...postgresUrl, description: "ds as the read-only role check" },
  BULKSMS_CHECK_SALESDB_URL: { ...postgresUrl, description: "salesdb as the read-only role check" },
  BULKSMS_DATABASE_CONNECTIONS: {
    kind: "integer",
    unit: "connections a process",
    min: 2,
    max: 100,
    default: 8,
    description: "size of each process's connection pool",
  },

  // listeners
  BULKSMS_WEBAPI_PORT: { kind: "port", default: 8000, description: "webapi: HTTP and WebSocket" },
  BULKSMS_SALESAPI_PORT: { kind: "port", default: 8002, description: "salesapi: HTTP" },
  BULKSMS_RPC_PORT: { kind: "port", default: 8003, description: "rpc: gRPC" },
  BULKSMS_SIMULATOR_PORT: { kind: "port", default: 8004, description: "simulator: HTTP" },
  BULKSMS_GENERAL_WORKER_MANAGEMENT_PORT: { kind: "port", default: 8011, description: "general_worker: /health /ready /metrics" },
  BULKSMS_SALES_WORKER_MANAGEMENT_PORT: { kind: "port", default: 8012, description: "sales_worker: /health /ready /metrics" },
  BULKSMS_RPC_MANAGEMENT_PORT: { kind: "port", default: 8013, description: "rpc: /health /ready /metrics" },

  // where the others are
  BULKSMS_RPC_ADDRESS: { kind: "address", default: "127.0.0.1:8003", description: "rpc, as seen by webapi, salesapi, sales_worker" },
  BULKSMS_SALESAPI_URL: { ...httpUrl, default: "http://127.0.0.1:8002", description: "salesapi, as seen by webapi and the command line" },
  BULKSMS_WEBAPI_URL: { ...httpUrl, default: "http://127.0.0.1:8000", description: "webapi, as seen by the command line" },
  BULKSMS_SIMULATOR_URL: { ...httpUrl, default: "http://127.0.0.1:8004", description: "simulator, as seen by sales_worker" },
  BULKSMS_SIMULATOR_RECEIPTS_URL: {
    ...httpUrl,
    default: "http://127.0.0.1:8002/receipts/simulated",
    description: "where the simulator sends its receipts",
  },
  BULKSMS_API_KEY: { kind: "text", isSecret: true, description: "key that the command line uses; otherwise the one in the data folder" },

  // webapi, salesapi
  BULKSMS_REQUESTS_PER_MINUTE: {
    kind: "integer",
    unit: "requests per key per minute",
    min: 1,
    max: 10_000_000,
    default: 6_000,
    description: "above it 429 with Retry-After; receipts are not counted",
  },
  BULKSMS_ALLOWED_HOSTS: {
    kind: "list",
    default: "",
    description: "host names besides localhost and loopback addresses that a request's Host and Origin may name",
  },

  // the console
  BULKSMS_SALESAPI_PUBLIC_URL: {
    kind: "text",
    default: "",
    form: { pattern: /^(https?:\/\/[a-z0-9.:[\]-]+)?$/, description: "an address such as https://sales.example" },
    description: "salesapi as a browser reaches it; empty: the host that the page came from, with the port of BULKSMS_SALESAPI_URL",
  },
  BULKSMS_CONSOLE_ORIGINS: {
    kind: "list",
    default: "",
    form: { pattern: /^https?:\/\/[a-z0-9.:[\]-]+$/, description: "an origin such as http://localhost:8000" },
    description: "origins besides those of BULKSMS_WEBAPI_URL whose pages salesapi lets in by the console's cookie",
  },

  // campaigns
  BULKSMS_DEFAULT_COUNTRY: {
    kind: "text",
    default: "FI",
    form: { pattern: /^[A-Z]{2}$/, description: "two capital letters" },
    description: "country of numbers without +, ISO 3166 alpha-2; a campaign may set its own",
  },
  BULKSMS_DEFAULT_CARRIER: {
    kind: "text",
    default: "simulator",
    form: { pattern: /^[a-z0-9][a-z0-9_-]{0,39}$/, description: "a carrier's name" },
    description: "carrier of a campaign that names none",
  },
  BULKSMS_CARRIER_KEYS: {
    kind: "text",
    default: ".bulksms/carrier_keys",
    description: "file of the keys that seal carriers' secrets: base64 of 32 bytes per line, newest first",
  },
  BULKSMS_PART_PRICE_MILLI: {
    kind: "integer",
    unit: "milli-credits a part",
    min: 1,
    max: 1_000_000,
    onlyForMigration: "the price list is in database ds now; change it with POST /prices of webapi",
    description: "price of a part in the first price list, when it is not 100 (0.1 credit); refused once there is a list",
  },
  BULKSMS_UPLOAD_BYTES_MAX: {
    kind: "integer",
    unit: "bytes",
    min: 1_000,
    max: 4_000_000_000,
    default: 1_000_000_000,
    description: "largest CSV file",
  },
  BULKSMS_UPLOAD_ROWS_MAX: {
    kind: "integer",
    unit: "rows",
    min: 1,
    max: 50_000_000,
    default: 10_000_000,
    description: "most rows in one file; an import needs at most 16 bytes of memory per row",
  },
  BULKSMS_TEXT_PARTS_MAX: { kind: "integer", unit: "parts", min: 1, max: 255, default: 6, description: "most parts of one filled text" },
  BULKSMS_CHUNK_ROWS: {
    kind: "integer",
    unit: "rows",
    min: 1,
    max: 10_000,
    default: 1_000,
    description:
      "messages of one chunk, the unit of lease, submit body and recovery; up to twice as many when a campaign of one text for all has over 100 chunks",
  },
  BULKSMS_IMPORT_LEASE_MS: {
    kind: "integer",
    unit: "ms",
    min: 1_000,
    max: 600_000,
    default: 30_000,
    description: "an import that is silent for this long is dead",
  },
  BULKSMS_DEADLINE_S: {
    kind: "integer",
    unit: "s",
    min: 1,
    max: 604_800,
    default: 259_200,
    description: "a message without a final receipt this long after its submit expires; a campaign may set its own",
  },
  BULKSMS_RECEIPT_HORIZON_S: {
    kind: "integer",
    unit: "s",
    min: 0,
    max: 604_800,
    default: 3_600,
    description: "how long after the deadline a carrier may still retry a receipt",
  },
  BULKSMS_RECEIPT_SECRETS: {
    kind: "list",
    isSecret: true,
    // invalid base64 would decode to a short or empty key, with which anyone could sign
    form: {
      pattern: /^(?!whsec_).|^whsec_(?:[A-Za-z0-9+/]{4}){3,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
      description: "whsec_ and base64 of at least nine bytes (any other secret begins otherwise)",
    },
    description: "secrets of receipt signatures, newest first, separated by commas; two may be valid at once",
  },
  BULKSMS_RECEIPT_BATCH_MAX: {
    kind: "integer",
    unit: "receipts",
    min: 1,
    max: 10_000,
    default: 5_000,
    description: "most receipts of one transaction",
  },
  BULKSMS_RECEIPT_QUEUE_MAX: {
    kind: "integer",
    unit: "receipts",
    min: 1,
    max: 10_000_000,
    default: 200_000,
    description: "receipts waiting in memory for their commit; above it 503",
  },

  BULKSMS_CALLBACK_PRIVATE_TARGETS: {
    kind: "choice",
    choices: ["refuse", "allow"],
    default: "refuse",
    description:
      "callback URLs whose host is loopback, private, link-local, or otherwise no public address; allow only where all callers are trusted",
  },

  // sales_worker
  BULKSMS_LEASE_MS: {
    kind: "integer",
    unit: "ms",
    min: 500,
    max: 600_000,
    // a restarted worker waits for what its predecessor had in hand: with the sweeper's pause less
    // than 5 s (decision 035)
    default: 4_000,
    description: "a chunk whose worker is silent for this long is taken over",
  },
  BULKSMS_SUBMIT_TIMEOUT_MS: {
    kind: "integer",
    unit: "ms",
    min: 100,
    max: 120_000,
    default: 3_000,
    description: "wait for the carrier's answer to one body; must be below the lease",
  },
  BULKSMS_DISPATCH_CONCURRENCY: {
    kind: "integer",
    unit: "chunks",
    min: 1,
    max: 64,
    default: 4,
    description: "chunks that one sales_worker submits at once",
  },
  BULKSMS_SWEEP_INTERVAL_MS: {
    kind: "integer",
    unit: "ms",
    min: 50,
    max: 60_000,
    default: 500,
    description: "pause between two passes of the sweeper",
  },

  // simulator
  BULKSMS_SIMULATOR_KEY: { kind: "text", isSecret: true, description: "key with which sales_worker submits to the simulator" },
  BULKSMS_SIMULATOR_DATA: { kind: "text", default: ".bulksms/simulator", description: "folder of the simulator's journal" },
  BULKSMS_SIMULATOR_SEED: {
    kind: "integer",
    unit: "",
    min: 0,
    max: 4_294_967_295,
    default: 7,
    description: "seed of every outcome and delay",
  },
  BULKSMS_SIMULATOR_PROFILE: {
    kind: "choice",
    choices: ["typical", "clean-list", "dirty-list", "new-year", "demo", "answered"],
    default: "typical",
    description: "mix of outcomes and delays",
  },
  BULKSMS_SIMULATOR_SPEED: {
    kind: "text",
    default: "1",
    form: { pattern: /^(?:max|(?!0+(?:\.0+)?$)\d{1,6}(?:\.\d{1,3})?)$/, description: "a number from 0.001 to 999999, or max" },
    description: "divides the simulator's delays; max is none",
  },
  BULKSMS_SIMULATOR_MPS_MAX: {
    kind: "integer",
    unit: "parts a second",
    min: 0,
    max: 10_000_000,
    default: 0,
    description: "above it the simulator answers 429 with Retry-After; 0 is no limit",
  },
  BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: {
    kind: "integer",
    unit: "receipts",
    min: 1,
    max: 1_000,
    default: 100,
    description: "receipts in one callback body; 1 sends them singly",
  },
  BULKSMS_SIMULATOR_CALLBACK_CONCURRENCY: {
    kind: "integer",
    unit: "requests",
    min: 1,
    max: 512,
    default: 64,
    description: "callbacks in flight at once",
  },
  BULKSMS_SIMULATOR_CALLBACK_PIPELINING: {
    kind: "integer",
    unit: "requests",
    min: 1,
    max: 256,
    default: 1,
    description: "of them on one connection (HTTP/1.1 pipelining); 1: each connection waits for its answer",
  },
  BULKSMS_SIMULATOR_TWILIO_ACCOUNTS: {
    kind: "list",
    default: "",
    isSecret: true,
    form: { pattern: /^AC[0-9a-f]{32}:[^\s:,]{1,64}$/, description: "AC and 32 hexadecimal digits, a colon, an auth token" },
    description: "made-up credentials of the simulator's Twilio endpoint (/2010-04-01 on its port); empty: there is none",
  },
  BULKSMS_SIMULATOR_TWILIO_CONCURRENCY: {
    kind: "integer",
    unit: "message parts",
    min: 0,
    max: 10_000,
    default: 0,
    description: "of one account in requests at once; above it the Twilio endpoint answers 429; 0 is no limit",
  },
  BULKSMS_SIMULATOR_SMPP_ACCOUNTS: {
    kind: "list",
    default: "",
    isSecret: true,
    form: { pattern: /^[!-9;-~]{1,15}:[!-+\x2d-~]{1,64}$/, description: "a system_id of at most 15 characters, a colon, a password" },
    description: "made-up credentials of the simulator's SMPP listener; empty: it does not listen",
  },
  BULKSMS_SIMULATOR_SMPP_PORT: { kind: "port", default: 2775, description: "simulator: SMPP 3.4" },
  BULKSMS_SIMULATOR_SMPP_TLS_CERT: {
    kind: "text",
    default: "",
    description: "file of the SMPP listener's certificate chain (PEM); with it and its key the listener speaks TLS alone",
  },
  BULKSMS_SIMULATOR_SMPP_TLS_KEY: { kind: "text", default: "", description: "file of the certificate's private key (PEM)" },
  BULKSMS_SIMULATOR_SMPP_ALPHABET: {
    kind: "choice",
    choices: ["gsm7", "latin1"],
    default: "gsm7",
    description: "what data_coding 0 means to the SMPP listener",
  },
  BULKSMS_SIMULATOR_SMPP_BINDS_MAX: {
    kind: "integer",
    unit: "binds",
    min: 1,
    max: 1_000,
    default: 10,
    description: "of one system_id at once; one more is refused with 0x0D",
  },
  BULKSMS_SIMULATOR_SMPP_WINDOW: {
    kind: "integer",
    unit: "message parts",
    min: 1,
    max: 10_000,
    default: 1_000,
    description: "of one bind without an answer; one more is refused with 0x14",
  },
  BULKSMS_SIMULATOR_SMPP_RECEIPT_WINDOW: {
    kind: "integer",
    unit: "receipts",
    min: 1,
    max: 10_000,
    default: 10,
    description: "that one bind has been sent and has not answered",
  },
  BULKSMS_SIMULATOR_SMPP_PARTS_PER_SECOND: {
    kind: "integer",
    unit: "message parts a second",
    min: 0,
    max: 10_000_000,
    default: 0,
    description: "of one system_id; above it 0x58; 0 is no limit",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/**
 * Names of an earlier release. Refused with the new name: a setting that no process reads must not
 * look as if it did.
 */
export const renamedSettings: Readonly<Record<string, SettingName>> = {
  BULKSMS_CARRIER_PORT: "BULKSMS_SIMULATOR_PORT",
  BULKSMS_CARRIER_URL: "BULKSMS_SIMULATOR_URL",
  BULKSMS_CARRIER_KEY: "BULKSMS_SIMULATOR_KEY",
  BULKSMS_CARRIER_DATA: "BULKSMS_SIMULATOR_DATA",
  BULKSMS_CARRIER_SEED: "BULKSMS_SIMULATOR_SEED",
  BULKSMS_CARRIER_PROFILE: "BULKSMS_SIMULATOR_PROFILE",
  BULKSMS_CARRIER_SPEED: "BULKSMS_SIMULATOR_SPEED",
  BULKSMS_CARRIER_MPS_MAX: "BULKSMS_SIMULATOR_MPS_MAX",
  BULKSMS_CARRIER_RECEIPTS_URL: "BULKSMS_SIMULATOR_RECEIPTS_URL",
  BULKSMS_CARRIER_RECEIPTS_PER_BODY: "BULKSMS_SIMULATOR_RECEIPTS_PER_BODY",
  BULKSMS_CARRIER_CALLBACK_CONCURRENCY: "BULKSMS_SIMULATOR_CALLBACK_CONCURRENCY",
  BULKSMS_CARRIER_CALLBACK_PIPELINING: "BULKSMS_SIMULATOR_CALLBACK_PIPELINING",
};
