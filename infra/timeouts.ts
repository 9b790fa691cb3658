import { Duration } from 'aws-cdk-lib';
import { seconds } from '../schemas/duration.ts';
import type { Territory } from '../schemas/territory.ts';

/** API Gateway answers for a function that takes longer than this. */
export const HTTP_TIMEOUT = Duration.seconds(29);

/** One batch of deliveries: a first request and, where a consumer's concurrency makes it wait, a second, and the stores. */
export const deliverTimeout = ({ webhookTimeout }: Pick<Territory, 'webhookTimeout'>): Duration =>
  Duration.seconds(2 * Math.ceil(seconds(webhookTimeout)) + 15);
