import { monotonicFactory } from 'ulid';
import { memoryLedger } from '../../../adapters/memory/ledger.ts';
import type { Ledger } from '../../../domain/ports.ts';
import { catalogueReader } from '../../../domain/publish/catalogue.ts';
import type { PublishDeps } from '../../../domain/publish/publish.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { type MemoryMesh, meshInMemory } from '../mesh.ts';

/** A mesh into which `atmo` may publish CO2 and noise. */
export interface Door {
  mesh: MemoryMesh;
  ledger: Ledger;
  deps: PublishDeps;
  /** Makes the catalogue be read again. */
  forgets: () => void;
}

/** A door in over the memory adapters, with the catalogue kept for 2 s. */
export async function doorOf(): Promise<Door> {
  const mesh = meshInMemory();
  const ledger = memoryLedger({ clock: mesh.now });
  const ulid = monotonicFactory();
  await mesh.has('participant', given.participant());
  const types = [TYPE, 'org.example.noise.v1'];
  await mesh.has('dataset', given.dataset());
  const noise = { type: 'org.example.noise.v1', compatibility: 'backward' as const, schemaVersion: 1 };
  await mesh.has('dataset', given.dataset({ id: 'noise', types: [noise] }));
  const createdAt = given.notice().time;
  for (const [index, dataset] of ['school-air', 'noise'].entries()) {
    const schema = index === 0 ? SCHEMA : { type: 'number' };
    await mesh.has('schema', { dataset, type: types[index] ?? '', version: 1, schema, createdAt });
  }
  const catalogue = () =>
    catalogueReader(mesh.registry, mesh.schemas, { maxAgeMs: 2000, now: () => mesh.now().getTime() });
  const deps: PublishDeps = {
    territory: 'test',
    ledger,
    now: mesh.now,
    nextSequence: (at) => ulid(at.getTime()),
    types: catalogue(),
  };
  return { mesh, ledger, deps, forgets: () => void (deps.types = catalogue()) };
}
