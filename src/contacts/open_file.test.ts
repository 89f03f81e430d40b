// What opening a file answers and frees. (How its rows are read: csv/, xlsx/; the same rows for the
// page and the import: testing/one_judge.database.test.ts.)
import { expect, it } from "vitest";
import { makeWorkbook, phoneRows } from "../../testing/workbooks.ts";
import { type ContactsFile, type OpenOptions, openFile } from "./open_file.ts";
import { randomAccessOfBytes } from "./xlsx/random_access.ts";
import { openWorkbookHere } from "./xlsx/workbook_reader.ts";

const asFound: OpenOptions = { encoding: null, sheet: null, withHiddenRows: false, country: "FI" };

function fileOf(bytes: Uint8Array): ContactsFile {
  return {
    at: randomAccessOfBytes(bytes),
    async *read() {
      yield bytes;
    },
  };
}

it("says why it was read in its encoding: by its bytes, or because that one was named", async () => {
  const file = fileOf(Buffer.from("name,phone\nAino,0401234501\n"));
  expect((await openFile(file, asFound)).answer()).toMatchObject({ encoding: "utf-8", encoding_reason: "It is plain ASCII." });
  expect((await openFile(file, { ...asFound, encoding: "windows-1252" })).answer()).toMatchObject({
    encoding: "windows-1252",
    encoding_reason: "It was named with the file.",
  });
});

it("a workbook is opened where its owner wants it, and what that took is freed: when closed, or refused", async () => {
  const file = fileOf(makeWorkbook({ sheets: [{ name: "People", rows: phoneRows(2) }] }));
  let [opened, closed] = [0, 0];
  file.openWorkbook = async () => {
    opened += 1;
    const workbook = await openWorkbookHere(file.at);
    const close = async () => {
      closed += 1;
    };
    return { ...workbook, close };
  };
  const found = await openFile(file, asFound);
  expect([opened, closed]).toEqual([1, 0]);
  await found.close();
  expect([opened, closed]).toEqual([1, 1]);
  await expect(openFile(file, { ...asFound, sheet: "Absent" })).rejects.toMatchObject({ code: "sheet_missing" });
  expect([opened, closed]).toEqual([2, 2]);
});
