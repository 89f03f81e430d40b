// How records of a model become bytes: one per field. Used by the states of both models.

/** How a record is encoded in bytes: each field has a list of its values. */
export type Values<Row> = { [Field in keyof Row]: readonly Row[Field][] };

export const flags = [false, true] as const;
export const upTo = (largest: number) => Array.from({ length: largest + 1 }, (_, number) => number);

export interface Codec<Row> {
  bytes: number;
  write(row: Row, into: Uint8Array, at: number): void;
  read(from: Uint8Array, at: number): Row;
}

export function createCodec<Row extends object>(values: Values<Row>): Codec<Row> {
  const fields = Object.keys(values) as (keyof Row)[];
  const words = fields.map((field) => values[field] as readonly unknown[]);
  const codes = words.map((list) => new Map(list.map((value, code) => [value, code])));
  return {
    bytes: fields.length,
    write(row, into, at) {
      for (let index = 0; index < fields.length; index++) {
        const value: unknown = row[fields[index] as keyof Row];
        // numbers and flags are their own code: these are most fields, in tens of millions of
        // states
        const code = typeof value === "string" ? (codes[index] as Map<unknown, number>).get(value) : Number(value);
        if (code === undefined || code >= (words[index] as readonly unknown[]).length) {
          throw new Error(`the model has no byte for ${String(fields[index])} = ${String(value)}`);
        }
        into[at + index] = code;
      }
    },
    read(from, at) {
      const row: Record<keyof Row, unknown> = {} as Row;
      for (let index = 0; index < fields.length; index++) {
        row[fields[index] as keyof Row] = (words[index] as readonly unknown[])[from[at + index] as number];
      }
      return row as Row;
    },
  };
}

export function writeAll<Row>(codec: Codec<Row>, rows: readonly Row[], into: Uint8Array, begin: number): number {
  let at = begin;
  for (const row of rows) {
    codec.write(row, into, at);
    at += codec.bytes;
  }
  return at;
}
