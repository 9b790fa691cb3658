import type { Sender, WebhookAnswer, WebhookRequest } from '../../domain/ports.ts';

/** Receivers in memory: what they were sent, and what they answer. */
export interface MemorySender {
  send: Sender;
  readonly requests: WebhookRequest[];
  /** Those by which receivers were asked whether they want events. */
  readonly handshakes: WebhookRequest[];
  /** What receivers answer to these; at first they want all that comes. */
  shake: (request: WebhookRequest) => WebhookAnswer | Promise<WebhookAnswer>;
  /** Takes the place of what receivers answer from now on; 204 at first. */
  answer: (request: WebhookRequest) => WebhookAnswer | Promise<WebhookAnswer>;
}

/** A sender whose receivers are in memory. */
export function memorySender(): MemorySender {
  const requests: WebhookRequest[] = [];
  const sender: MemorySender = {
    requests,
    handshakes: [],
    shake: () => ({ kind: 'answer', status: 200, consent: { origin: '*' }, body: '' }),
    answer: () => ({ kind: 'answer', status: 204, body: '' }),
    async send(request) {
      if (request.method === 'OPTIONS') {
        sender.handshakes.push(request);
        return sender.shake(request);
      }
      requests.push(request);
      return sender.answer(request);
    },
  };
  return sender;
}
