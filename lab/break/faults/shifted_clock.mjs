// Preloaded into a process by resources.ts (NODE_OPTIONS=--import): Date is off by
// LAB_CLOCK_SHIFT_MS; performance.now and timers stay right, as with a wrong system clock.
const shiftMs = Number(process.env.LAB_CLOCK_SHIFT_MS ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + shiftMs);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + shiftMs;
  }
};
