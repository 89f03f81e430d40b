// Status callbacks of the Twilio dialect: signed forms to each message's own address. Twilio waits
// 15 s and tries once more when it cannot connect or gets no answer; an answer of any status ends
// it. Callbacks of one message go out one after the other.

import { formatForm, formType } from "../../protocols/twilio/form.ts";
import { signatureHeader, signTwilioRequest } from "../../protocols/twilio/signature.ts";
import { formatStatusCallback } from "../../protocols/twilio/status_callback.ts";
import { openReceiverClient, type ReceiverClient } from "../../webhooks/receiver_client.ts";
import type { AccountNetwork } from "../account_network.ts";
import type { AccountReceipts } from "../accounts.ts";
import { accountSidOf, callbackOf, isCalledBack } from "./twilio_message.ts";

const attemptsMax = 2;
/** Callbacks in flight to one receiver. */
const lanesPerOrigin = 16;

interface Callback {
  owner: number;
  what: number;
  url: string;
  token: string;
}

interface Lane {
  client: ReceiverClient;
  queue: Callback[];
  isBusy: boolean;
}

/** @param tokenOf auth token of an account by its AccountSid */
export function createTwilioCallbacks(network: AccountNetwork, tokenOf: (accountSid: string) => string | undefined): AccountReceipts {
  const origins = new Map<string, Lane[]>();
  const running = new Set<Promise<void>>();
  let pending = 0;
  let isStopping = false;

  const lanesOf = (url: string): Lane[] => {
    const { origin } = new URL(url);
    let lanes = origins.get(origin);
    if (lanes === undefined) {
      lanes = Array.from({ length: lanesPerOrigin }, () => ({ client: openReceiverClient(origin, 1), queue: [], isBusy: false }));
      origins.set(origin, lanes);
    }
    return lanes;
  };

  async function runLane(lane: Lane): Promise<void> {
    lane.isBusy = true;
    for (let callback = lane.queue.shift(); callback !== undefined && !isStopping; callback = lane.queue.shift()) {
      await deliver(lane, callback);
    }
    lane.isBusy = false;
  }

  async function deliver({ client }: Lane, { owner, what, url, token }: Callback): Promise<void> {
    const fields = formatStatusCallback(callbackOf(network.receipt(owner, what)));
    const headers = { "content-type": formType, [signatureHeader]: signTwilioRequest(token, url, fields), "user-agent": "TwilioProxy/1.1" };
    const { pathname, search } = new URL(url);
    for (let attempt = 1; attempt <= attemptsMax && !isStopping; attempt++) {
      const { status } = await client.post(headers, Buffer.from(formatForm(fields)), pathname + search);
      // an attempt that the end of this process cut was none
      if (status === 0 && (isStopping || attempt < attemptsMax)) continue;
      pending -= 1;
      if (status >= 200 && status < 300) network.done(owner, what, true);
      else network.refused(owner, what);
      return;
    }
  }

  return {
    push(account, owner, what) {
      const receipt = network.receipt(owner, what);
      const token = tokenOf(accountSidOf(account.name));
      const url = receipt.message.details.twilio?.statusCallback;
      if (!isCalledBack(receipt) || token === undefined || url == null) {
        network.done(owner, what, true);
        return;
      }
      pending += 1;
      const lanes = lanesOf(url);
      (lanes[receipt.message.rowNo % lanes.length] as Lane).queue.push({ owner, what, url, token });
    },
    flush() {
      if (isStopping) return;
      for (const lane of [...origins.values()].flat()) {
        if (lane.isBusy || lane.queue.length === 0) continue;
        const work = runLane(lane).finally(() => running.delete(work));
        running.add(work);
      }
    },
    pending: () => pending,
    async stop() {
      isStopping = true;
      await Promise.all([...origins.values()].flat().map(({ client }) => client.close()));
      await Promise.all(running);
    },
  };
}
