import { statesPage } from '../domain/contracts/diagram.ts';

/** A page that code writes: its path from the project's root, and its text. */
export interface Generated {
  path: string;
  text: () => string;
}

/** Every generated page. */
export const GENERATED: readonly Generated[] = [
  { path: 'docs/contract-states.md', text: () => statesPage() },
];
