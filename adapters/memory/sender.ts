import type { Sender, WebhookAnswer, WebhookRequest } from '../../domain/ports.ts';

/** Receivers in memory: what they were sent, and what they answer. */
export interface MemorySender {
  send: Sender;
  readonly requests: WebhookRequest[];
  /** Takes the place of what receivers answer from now on; 204 at first. */
  answer: (request: WebhookRequest) => WebhookAnswer | Promise<WebhookAnswer>;
}

/** A sender whose receivers are in memory. */
export function memorySender(): MemorySender {
  const requests: WebhookRequest[] = [];
  const sender: MemorySender = {
    requests,
    answer: () => ({ kind: 'answer', status: 204, body: '' }),
    async send(request) {
      requests.push(request);
      return sender.answer(request);
    },
  };
  return sender;
}
