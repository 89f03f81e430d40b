// The part of npm's smpp (node-smpp 0.5.1, which has no types) that tests use as a carrier.
// @ts-expect-error it has no types
import smpp from "smpp";

export interface NodePdu {
  command: string;
  sequence_number: number;
  command_status: number;
  system_id: string;
  password: string;
  source_addr: string;
  source_addr_ton: number;
  destination_addr: string;
  data_coding: number;
  esm_class: number;
  validity_period: unknown;
  short_message: { message?: string | Buffer; udh?: Buffer[] | Buffer };
  message_payload?: { message?: string | Buffer };
  sar_msg_ref_num?: number;
  sar_total_segments?: number;
  sar_segment_seqnum?: number;
  response(fields?: object): NodePdu;
}

export interface NodeSession {
  on(event: string, listener: (pdu: NodePdu) => void): void;
  send(pdu: NodePdu): boolean;
  deliver_sm(fields: object, onAnswer: (pdu: NodePdu) => void): void;
  enquire_link(fields: object, onAnswer: (pdu: NodePdu) => void): void;
  unbind(onAnswer: (pdu: NodePdu) => void): void;
  close(): void;
  destroy(): void;
}

interface NodeServer {
  listen(port: number, host: string, ready: () => void): void;
  address(): { port: number };
  close(done: () => void): void;
}

/** Its server, on a port of loopback. */
export async function startNodeSmpp(onSession: (session: NodeSession) => void): Promise<{ port: number; stop(): Promise<void> }> {
  const sessions = new Set<NodeSession>();
  const server: NodeServer = smpp.createServer((session: NodeSession) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => void sessions.delete(session));
    onSession(session);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    async stop() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}
