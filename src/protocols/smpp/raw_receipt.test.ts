import { describe, expect, it } from "vitest";
import { idOfRawReceipt, rawReceiptOf } from "./raw_receipt.ts";

const text = "id:0972660181 sub:001 dlvrd:001 stat:DELIVRD err:000 text:id:7 Hello";

describe("the id of a receipt that was kept", () => {
  it.each([
    ["of its text", rawReceiptOf(text, { id: null, state: null }), "0972660181"],
    ["of its text, with a state", rawReceiptOf(text, { id: null, state: 2 }), "0972660181"],
    ["of its parameter rather than its text", rawReceiptOf(text, { id: "39f99dd5", state: 2 }), "39f99dd5"],
    ["of its parameter alone", rawReceiptOf("", { id: "39f99dd5", state: null }), "39f99dd5"],
    ["of its text, when the parameter is empty", rawReceiptOf(text, { id: "", state: 2 }), "0972660181"],
    ["none", rawReceiptOf("stat:DELIVRD", { id: null, state: 2 }), ""],
    ["none of a text that is no receipt", "hello", ""],
  ])("is that %s", (_, raw, id) => {
    expect(idOfRawReceipt(raw)).toBe(id);
  });
});
