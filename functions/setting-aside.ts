import type { SQSClient } from '@aws-sdk/client-sqs';
import { setAsideQueues } from '../adapters/sqs/set-aside.ts';
import type { SetAside } from '../domain/ports.ts';

/** The addresses of the dead-letter queues, as functions are told them. */
interface Told {
  DELIVERY_DEAD_LETTERS_URL: string;
  RULE_DEAD_LETTERS_URL: string;
  ROUTE_DEAD_LETTERS_URL: string;
  ADMIT_DEAD_LETTERS_URL: string;
}

/** The dead-letter queues of a territory, by name. */
export const settingAside = (client: SQSClient, env: Told): SetAside =>
  setAsideQueues({
    client,
    urls: {
      'delivery-dead': env.DELIVERY_DEAD_LETTERS_URL,
      'rule-dead': env.RULE_DEAD_LETTERS_URL,
      'route-dead': env.ROUTE_DEAD_LETTERS_URL,
      'admit-dead': env.ADMIT_DEAD_LETTERS_URL,
    },
  });
