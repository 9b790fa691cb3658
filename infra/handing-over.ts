import { Stack } from 'aws-cdk-lib';
import type { Territory } from '../schemas/territory.ts';
import type { Grant } from './grants.ts';
import type { HouseFunction } from './house-function.ts';
import type { MeshProps } from './mesh-props.ts';
import { type FunctionName, roleNameOf } from './names.ts';

/** The functions that hand events over to destinations which consumers name. */
export const HANDING = ['deliver', 'clock'] as const satisfies FunctionName[];

/** The ARNs of the roles that hand over. */
export function handingRoles(stack: Stack, territory: Territory): MeshProps['handingRoles'] {
  const arn = (name: FunctionName): string =>
    `arn:${stack.partition}:iam::${stack.account}:role/${roleNameOf(territory, name, stack.region)}`;
  return { deliver: arn('deliver'), clock: arn('clock') };
}

const because = 'consumers name what is theirs, in any account; what is in the account of the mesh is denied';

/** Lets a function hand over to queues of consumers. */
export const toQueues = (stack: Stack): Grant => ({
  actions: ['sqs:SendMessage'],
  on: [`arn:${stack.partition}:sqs:*:*:*`],
  because,
});

/** Lets a function hand over to event buses of consumers. */
export const toBuses = (stack: Stack): Grant => ({
  actions: ['events:PutEvents'],
  on: [`arn:${stack.partition}:events:*:*:event-bus/*`],
  because,
});

/** Lets a function write objects in buckets of consumers. */
export const toBuckets = (stack: Stack): Grant => ({
  actions: ['s3:PutObject'],
  on: [`arn:${stack.partition}:s3:::*/*`],
  because,
});

/** What of one kind is in the mesh's own account and may be written all the same. */
export interface OwnAccount {
  action: string;
  /** The ARNs that the function writes for the mesh itself. */
  but: string[];
}

/**
 * Denies a function everything of a kind in the mesh's own account, but what it writes for the mesh itself and what the
 * territory lists: no destination that a consumer names may lead back into the mesh.
 */
export function denyOwnAccount(
  step: HouseFunction,
  { ownDestinations }: Pick<Territory, 'ownDestinations'>,
  kinds: OwnAccount[],
): void {
  const stack = Stack.of(step);
  for (const { action, but } of kinds) {
    const service = action.slice(0, action.indexOf(':'));
    const listed = ownDestinations
      .map((named) => (named.startsWith('arn:') ? named : `arn:${stack.partition}:s3:::${named}/*`))
      .filter((arn) => arn.split(':')[2] === service);
    const allowed = [...but, ...listed];
    const inOwnAccount = { StringEquals: { 'aws:ResourceAccount': stack.account } };
    if (allowed.length > 0) step.denyAllBut([action], allowed, inOwnAccount);
    else step.deny([action], ['*'], inOwnAccount);
  }
}
