import type { Story } from './story.ts';

/** One fault, produced for real, and what it is called with `--only`. */
export interface Scenario {
  name: string;
  /** What goes wrong, in a few words. */
  what: string;
  /** Publishes while it goes wrong, and mends it; what was accepted is added up after it. */
  run: (story: Story) => Promise<void>;
}
