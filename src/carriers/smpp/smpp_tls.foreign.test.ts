// Our link over TLS, to a carrier whose certificate openssl has made.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, type TestContext } from "vitest";
import { requirePeer } from "../../../testing/peers.ts";
import { startLink } from "../../../testing/smpp_links.ts";
import { type SmppPeer, startSmppPeer } from "../../../testing/smpp_peer.ts";

const peers: SmppPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

/** A key and its own signature, for smpp.example. */
function makeCertificate(context: TestContext): { key: string; cert: string } {
  const openssl = requirePeer("openssl", context);
  const folder = mkdtempSync(join(tmpdir(), "bulksms-tls-"));
  const [keyFile, certificateFile] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile];
  const name = ["-subj", "/CN=smpp.example", "-addext", "subjectAltName=DNS:smpp.example"];
  try {
    execFileSync(openssl, ["req", "-x509", "-days", "2", ...key, ...name, "-out", certificateFile], { stdio: "ignore" });
    return { key: readFileSync(keyFile, "utf8"), cert: readFileSync(certificateFile, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function startTlsPeer(context: TestContext, onName: (name: string) => void = () => {}) {
  const { key, cert } = makeCertificate(context);
  const peer = await startSmppPeer(undefined, { key, cert, SNICallback: (name, done) => done(null, void onName(name)) });
  peers.push(peer);
  return { peer, cert };
}

describe("TLS", () => {
  it("binds to a carrier whose certificate it can verify, and names whom it wants", async (context) => {
    const names: string[] = [];
    const { peer, cert } = await startTlsPeer(context, (name) => names.push(name));
    const { link, watch } = startLink(peer.port, { tls: "verify", tls_name: "smpp.example", tls_ca: cert });
    await watch.until(() => watch.states.at(-1)?.kind === "bound");
    expect(names).toEqual(["smpp.example"]);
    await link.close();
  });

  it.for([
    ["another name", { tls_name: "other.example" }, true, 'is not trusted for "other.example"'],
    ["no name but its address", {}, true, 'is not trusted for "127.0.0.1"'],
    ["an authority that is not known", { tls_name: "smpp.example" }, false, "check tls_name and tls_ca"],
  ] as const)("refuses one with %s, and sends no password", async ([_what, fields, isKnown, description], context) => {
    const { peer, cert } = await startTlsPeer(context);
    const { link } = startLink(peer.port, { tls: "verify", ...fields, ...(isKnown ? { tls_ca: cert } : {}) });
    expect(await link.ended).toEqual({ reason: "refused", description: expect.stringContaining(description) });
    const carrier = await Promise.race([peer.nextConnection(), link.ended]);
    if ("received" in carrier) expect(carrier.received).toEqual([]);
  });

  it("to a carrier that speaks none is cut, with what failed", async () => {
    const peer = await startSmppPeer(() => true);
    peers.push(peer);
    const { link } = startLink(peer.port, { tls: "verify" });
    expect(await link.ended).toEqual({ reason: "cut", description: expect.stringContaining("over TLS") });
  });
});
