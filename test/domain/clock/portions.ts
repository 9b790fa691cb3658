import type { Ledger } from '../../../domain/ports.ts';

/** Time for so many steps, and no more. */
export const timeFor = (steps: number): (() => boolean) => {
  let asked = 0;
  return () => (asked += 1) <= steps;
};

/** A ledger whose history comes event by event, so that a step is one of them. */
export const eventByEvent = <Some extends Ledger>(ledger: Some): Some => ({
  ...ledger,
  history: async function* (...asked: Parameters<Ledger['history']>) {
    for await (const page of ledger.history(...asked)) for (const place of page) yield [place];
  },
});
