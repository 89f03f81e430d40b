// Addresses of every special kind, at both ends of their range, and their public neighbours.
import fc from "fast-check";
import { expect, test } from "vitest";
import { isPublicAddress } from "./public_address.ts";

const refused = {
  "this host": ["0.0.0.0", "0.255.255.255", "::"],
  loopback: ["127.0.0.1", "127.255.255.255", "::1"],
  private: ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
  "unique local": ["fc00::", "fd12:3456:789a::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  "link-local": ["169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::1", "febf::1", "fe80::1%eth0"],
  "site-local": ["fec0::1"],
  "carrier-grade NAT": ["100.64.0.0", "100.127.255.255"],
  multicast: ["224.0.0.1", "239.255.255.255", "ff02::1"],
  "reserved, broadcast": ["240.0.0.1", "255.255.255.255"],
  "protocol assignments": ["192.0.0.1", "192.0.0.255", "192.88.99.1", "2001::1", "2001:1ff::1"],
  benchmarks: ["198.18.0.0", "198.19.255.255", "2001:2::1"],
  documentation: ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::1"],
  "IPv4 in IPv6": [
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
  ],
  "no address": ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "[::1]", "1.2.3.4 "],
};
const allowed = [
  ...[
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
  ],
  ...["172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0"],
  ...["198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255"],
  ...["2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1", "2a00:1450::1", "3ffe::1", "3fff:1000::1"],
];

test.each(Object.entries(refused))("%s is not public", (_kind, addresses) => {
  expect(addresses.filter(isPublicAddress)).toEqual([]);
});

test("what is next to a special range is public", () => {
  expect(allowed.filter((address) => !isPublicAddress(address))).toEqual([]);
});

test("no spelling of an IPv4 address inside an IPv6 one is public", () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const hex = (high: number, low: number) => (high * 256 + low).toString(16);
  fc.assert(
    fc.property(
      fc.tuple(octet, octet, octet, octet),
      fc.constantFrom("::ffff:", "::", "64:ff9b::", "0:0:0:0:0:ffff:"),
      ([a, b, c, d], head) => {
        expect(isPublicAddress(`${head}${a}.${b}.${c}.${d}`)).toBe(false);
        expect(isPublicAddress(`${head}${hex(a, b)}:${hex(c, d)}`)).toBe(false);
      },
    ),
  );
});
