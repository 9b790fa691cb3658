import * as z from 'zod';

const REGION = '[a-z]{2,}(?:-[a-z]+)+-\\d{1,2}';

/** An ARN with partition, region and 12-digit account, of what `name` describes. */
const arn = (service: string, name: string, example: string): z.ZodString =>
  z
    .string()
    .regex(
      new RegExp(`^arn:aws(?:-[a-z]+)*:${service}:${REGION}:\\d{12}:${name}$`),
      `must be an ARN such as ${example}`,
    );

/** The ARN of a standard queue. */
export const queueArn = arn(
  'sqs',
  '[A-Za-z0-9_-]{1,80}(?:\\.fifo)?',
  'arn:aws:sqs:eu-west-3:111122223333:air-quality',
).refine((text) => !text.endsWith('.fifo'), 'must be of a standard queue: events come in no order');

/** What an ARN says: where something is, whose, and how it is called. */
export interface ArnParts {
  partition: string;
  region: string;
  account: string;
  /** Without what kind of thing it is. */
  name: string;
}

/** The parts of an ARN that one of these schemas has taken. */
export function partsOf(text: string): ArnParts {
  const [, partition = '', , region = '', account = '', resource = ''] = text.split(':');
  return { partition, region, account, name: resource.slice(resource.indexOf('/') + 1) };
}
