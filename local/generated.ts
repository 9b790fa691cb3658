import { statesPage } from '../domain/contracts/diagram.ts';
import { profileDocument, profilePage } from '../domain/contracts/odrl-profile.ts';

/** A page that code writes: its path from the project's root, and its text. */
export interface Generated {
  path: string;
  text: () => string;
}

/** Every generated page. */
export const GENERATED: readonly Generated[] = [
  { path: 'docs/contract-states.md', text: () => statesPage() },
  { path: 'docs/odrl-profile.md', text: profilePage },
  { path: 'docs/odrl-profile.json', text: () => JSON.stringify(profileDocument()) },
];
