import { type Consumer, tellFault } from './consumers.ts';
import { type MeshClient, meshClient } from './mesh-client.ts';
import type { Engine } from './publishing.ts';
import type { Out, View } from './view.ts';

/** What the demonstration needs: a running mesh, its operator, and when to end. */
export interface DemoOptions {
  /** The base of the mesh, without `/v1`. */
  url: string;
  operatorKey: string;
  dpoKey?: string;
  engine: Engine;
  /** Ends the demonstration: its streams, receivers and requests. */
  signal: AbortSignal;
  /** Where the live view goes; the standard output by default. */
  out?: Out;
}

/** What the parts of one run share. */
export interface Stage extends DemoOptions {
  view: View;
  /** API keys by participant. */
  keys: Record<string, string>;
  /** Consumers that have received something. */
  heard: Set<string>;
  /** What runs beside the rest until the signal. */
  running: Set<Promise<void>>;
  /** What has to be closed at the end. */
  closers: (() => Promise<void> | void)[];
}

/** The mesh as one participant sees it. */
export function meshOf({ url, keys, signal }: Stage, participant: string): MeshClient {
  const key = keys[participant];
  if (key === undefined) throw new Error(`${participant} has not been admitted`);
  return meshClient(url, key, signal);
}

/** Lets a consumer's work run beside the rest; its failure is told, unless everything ends. */
export function background(
  { running, view, signal }: Stage,
  { id }: Pick<Consumer, 'id'>,
  work: Promise<void>,
): void {
  const told = work
    .catch((error: unknown) => {
      if (!signal.aborted) tellFault(view, id, error);
    })
    .finally(() => running.delete(told));
  running.add(told);
}
