// The files in examples/, by their bytes: their phones are made up, and some may belong to
// somebody.
// (A test compares them with the files.)

const exampleSha256 = new Set([
  "72d8a300581f4089e4790d32bf457b675a5966899ef6fb8ea1d809bad652012e",
  "729f2df2a56da31c5abd5d27996b1cd47125d816e044d8bb396ae6833466d653",
]);

/** @param sha256 of the file's bytes, in hexadecimal digits */
export const isExampleFile = (sha256: string): boolean => exampleSha256.has(sha256);
