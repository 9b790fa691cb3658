import { inject } from 'vitest';

/** The mesh of this worker. Files that run side by side share none: each has all that a mesh is to itself. */
export const mesh = inject('meshes')[Number(process.env['VITEST_POOL_ID']) - 1]!;

process.env['AWS_ENDPOINT_URL'] = mesh.engine.endpoint;
