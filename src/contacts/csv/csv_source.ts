// A CSV file as a source of rows, whatever its encoding. Called by the import and the quote, and by
// callers that have its bytes in memory.
import type { Encoding } from "../encoding/encodings.ts";
import { transcode } from "../encoding/transcode.ts";
import type { RowSource } from "../rows.ts";
import { createCsvReader } from "./csv_reader.ts";

/**
 * The rows of a file; each chunk may be reused once the next is requested. @throws AppError csv_*.
 */
export function csvSource(chunks: AsyncIterable<Uint8Array>, encoding: Encoding): RowSource {
  const reader = createCsvReader();
  return {
    get header() {
      return reader.header;
    },
    get delimiter() {
      return reader.delimiter;
    },
    async *rows() {
      for await (const chunk of transcode(chunks, encoding)) yield reader.push(chunk);
      yield reader.end();
    },
  };
}
