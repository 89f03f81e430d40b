import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameReader, pduBytesMax, SmppFramingError } from "./frame_reader.ts";

function frame(length: number, fill = 7): Buffer {
  const bytes = Buffer.alloc(length, fill);
  bytes.writeUInt32BE(length);
  return bytes;
}

function cutAll(chunks: readonly Buffer[]): Buffer[] {
  const reader = createFrameReader();
  const frames: Buffer[] = [];
  for (const chunk of chunks) reader.push(chunk, (bytes, start, end) => frames.push(Buffer.from(bytes.subarray(start, end))));
  return frames;
}

describe("frames", () => {
  it("are the same however the stream is cut (node-smpp#152: length and body in packets of their own)", () => {
    const lengths = fc.array(fc.integer({ min: 16, max: 300 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lengths, fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 80 }), (sizes, cuts) => {
        const frames = sizes.map((size, index) => frame(size, index));
        const stream = Buffer.concat(frames);
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(stream.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(stream.subarray(at));
        expect(cutAll(chunks)).toEqual(frames);
      }),
    );
  });

  it("of a chunk that holds them whole are views of it", () => {
    const chunk = Buffer.concat([frame(16), frame(20)]);
    createFrameReader().push(chunk, (bytes) => expect(bytes).toBe(chunk));
  });

  it("that come octet by octet are joined once each", () => {
    const reader = createFrameReader();
    const frames: number[] = [];
    const whole = frame(pduBytesMax);
    for (const octet of whole) reader.push(Buffer.of(octet), (_bytes, start, end) => frames.push(end - start));
    expect(frames).toEqual([pduBytesMax]);
    expect(reader.heldBytes()).toBe(0);
  });
});

describe("a command_length that no PDU has", () => {
  it.each([0, 4, 15, pduBytesMax + 1, 2 ** 31, 2 ** 32 - 1])("of %s is refused as soon as it is read, and for good", (length) => {
    const reader = createFrameReader();
    const seen: number[] = [];
    const bad = Buffer.alloc(4);
    bad.writeUInt32BE(length);
    const push = (chunk: Buffer) => () => reader.push(chunk, (_bytes, start, end) => seen.push(end - start));
    push(Buffer.concat([frame(16), bad.subarray(0, 3)]))();
    expect(push(bad.subarray(3))).toThrow(SmppFramingError);
    expect(push(bad.subarray(3))).toThrow(`command_length is ${length}, and must be 16 to 65536`);
    expect(push(frame(16))).toThrow(SmppFramingError);
    expect(seen).toEqual([16]);
  });
});
