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

/** The ARN of an event bus. */
export const busArn = arn(
  'events',
  'event-bus/[A-Za-z0-9._/-]{1,256}',
  'arn:aws:events:eu-west-3:111122223333:event-bus/air-quality',
);

/** The name of a bucket (S3 user guide, "General purpose bucket naming rules"). */
export const bucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket: 3 to 63 of a-z, 0-9, . and -')
  .refine((name) => !/\.\.|^xn--|^sthree-|-s3alias$|--ol-s3$|--x-s3$|^\d+\.\d+\.\d+\.\d+$/.test(name), {
    message: 'must be the name of a general purpose bucket',
  });
