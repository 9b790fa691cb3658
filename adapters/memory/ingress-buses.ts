import type { IngressBuses } from '../../domain/ports.ts';

/** Ingress buses in memory: which account may put events on which. */
export interface MemoryIngressBuses extends IngressBuses {
  /** By bus ARN; undefined where no other account may. */
  readonly accounts: ReadonlyMap<string, string | undefined>;
}

/** The ingress buses in memory. */
export function memoryIngressBuses({ prefix }: { prefix: string }): MemoryIngressBuses {
  const accounts = new Map<string, string | undefined>();
  return {
    accounts,
    async ensure({ id, awsAccount }) {
      const arn = `arn:memory:events:::event-bus/${prefix}${id}`;
      accounts.set(arn, awsAccount);
      return arn;
    },
  };
}
