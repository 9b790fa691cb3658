import { partsOf } from '../../schemas/arn-parts.ts';
import type { Fault } from '../../schemas/problem.ts';
import type { Destination } from '../../schemas/subscription.ts';
import type { Territory } from '../../schemas/territory.ts';

/** Where the mesh itself is. */
export interface Home {
  partition: string;
  account: string;
  /** What in the mesh's own account may be named. */
  listed: string[];
}

/** Where the mesh is, as the ARN of one of its own queues says. */
export function homeOf(
  ownArn: string,
  { ownDestinations: listed }: Pick<Territory, 'ownDestinations'>,
): Home {
  const { partition, account } = partsOf(ownArn);
  return { partition, account, listed };
}

/**
 * Why a destination of AWS cannot be taken: nobody makes the mesh write on its own queues, or on others of its account
 * that its territory does not list. The roles of the functions that hand over deny the same.
 */
export function homeFaults(destination: Destination, home: Home): Fault[] {
  switch (destination.kind) {
    case 'sqs':
      return arnFaults('/destination/queueArn', destination.queueArn, home);
    case 'eventbus':
      return arnFaults('/destination/busArn', destination.busArn, home);
    case 's3':
      return bucketFaults(destination.bucket);
    default:
      return [];
  }
}

function arnFaults(path: string, arn: string, { partition, account, listed }: Home): Fault[] {
  const parts = partsOf(arn);
  if (parts.partition !== partition)
    return [{ path, message: `must be in the partition of the mesh: arn:${partition}:…` }];
  if (parts.account !== account) return [];
  if (parts.name.startsWith('maille-'))
    return [{ path, message: "must not be one of the mesh's own: maille-…" }];
  if (listed.includes(arn)) return [];
  const message = `is in the mesh's own account, ${account}: only what the territory lists in ownDestinations is taken`;
  return [{ path, message }];
}

/** Whose a bucket is cannot be told by its name: one of the mesh's account that is not listed is denied to the roles. */
const bucketFaults = (bucket: string): Fault[] =>
  bucket.startsWith('maille-')
    ? [{ path: '/destination/bucket', message: "must not be one of the mesh's own: maille-…" }]
    : [];
