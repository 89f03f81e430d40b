import { afterEach, describe } from "vitest";
import { type ArrivedMessage, type CarrierUnderTest, testConformance } from "../../../testing/carrier_conformance.ts";
import { silentLog, smppSettingsFor } from "../../../testing/smpp_links.ts";
import { type PeerConnection, type SmppPeer, startSmppPeer } from "../../../testing/smpp_peer.ts";
import type { SmppSettings } from "../../contracts/carriers.ts";
import { statuses } from "../../protocols/smpp/constants.ts";
import { type ShortMessagePdu, shortMessage } from "../../protocols/smpp/pdus.ts";
import { openSmppLink } from "./smpp_link.ts";

const peers: SmppPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

async function startCarrier(bind: SmppSettings["bind"]): Promise<CarrierUnderTest> {
  const arrived: ArrivedMessage[] = [];
  const connections = new Set<PeerConnection>();
  const ids = new Map<string, string>();
  const unanswered = new Set<ShortMessagePdu>();
  /** A busy carrier answers what it has before it lets go. */
  const unbinds: (() => void)[] = [];
  const peer = await startSmppPeer((pdu, connection) => {
    connections.add(connection);
    if (pdu.command === "unbind" && unanswered.size > 0) {
      unbinds.push(() => connection.answer(pdu));
      return true;
    }
    if (pdu.command !== "submit_sm") return undefined;
    arrived.push(arrival(pdu, connection));
    return true;
  });
  peers.push(peer);

  function arrival(pdu: ShortMessagePdu, connection: PeerConnection): ArrivedMessage {
    unanswered.add(pdu);
    const messageId = `${arrived.length + 1}`;
    const answer = (fields: { status?: number; messageId?: string }) => () => {
      if (fields.messageId !== undefined) ids.set(pdu.destination.digits, fields.messageId);
      if (connection.isOpen()) connection.answer(pdu, fields);
      unanswered.delete(pdu);
      if (unanswered.size === 0) for (const answerUnbind of unbinds.splice(0)) answerUnbind();
    };
    return {
      phone: pdu.destination.digits,
      accept: answer({ messageId }),
      reject: answer({ status: statuses.RINVDSTADR }),
      throttle: answer({ status: statuses.RTHROTTLED }),
    };
  }

  let sequence = 1_000;
  return {
    openLink: (events, { window, clock }) =>
      openSmppLink(
        { settings: smppSettingsFor(peer.port, { window, bind, enquire_link_s: 600 }), password: "secret", log: silentLog, clock },
        events,
      ),
    arrived,
    cut() {
      for (const connection of connections) connection.cut();
    },
    async deliverReceipt(phone) {
      const receiver = [...connections].find(({ received }) => received[0]?.command !== "bind_transmitter") as PeerConnection;
      receiver.send(
        shortMessage({
          command: "deliver_sm",
          sequence: sequence++,
          source: { ton: 1, npi: 1, digits: phone },
          destination: { ton: 5, npi: 0, digits: "Uni" },
          esmClass: 4,
          shortMessage: Buffer.from(`id:${ids.get(phone)} stat:DELIVRD err:000`),
        }),
      );
      return (await receiver.next("deliver_sm_resp")).status === 0 ? "acknowledged" : "refused";
    },
    kill: () => peer.stop(),
  };
}

describe.each(["transceiver", "transmitter_and_receiver"] as const)("a link over SMPP with a %s", (bind) => {
  testConformance({ start: () => startCarrier(bind), answerTimeoutMs: 60_000, isLateAnswerHeard: true });
});
