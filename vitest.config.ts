import { defineConfig } from 'vitest/config';

const given = process.env['MAILLE_ENDPOINT'];

/** Two projects: `fast` needs nothing, `engine` deploys the mesh on a local engine and goes at it from the outside. */
export default defineConfig({
  test: {
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/adapters/**', 'test/journeys/**'],
          // Modules are loaded once for all files, which is half of the time: no file leaves anything behind in them.
          isolate: false,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'engine',
          include: ['test/adapters/**/*.test.ts', 'test/journeys/**/*.test.ts'],
          globalSetup: ['test/engine-setup.ts'],
          setupFiles: ['test/mesh.ts'],
          // Each worker has an engine and a mesh of its own; most of the time a test there waits for something.
          maxWorkers: given ? 1 : 3,
          sequence: { groupOrder: 1 },
          // Other engines are slower: LocalStack delivers a few events a second.
          testTimeout: given ? 1_200_000 : 240_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
