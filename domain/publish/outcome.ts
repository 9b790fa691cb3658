import type { Problem } from '../../schemas/problem.ts';

/** What became of one published event. */
export type PublishOutcome =
  | { status: 'accepted' | 'duplicate'; id: string; source: string; digest: string }
  | { status: 'rejected'; id?: string; problem: Problem }
  | { status: 'failed'; id: string; problem: Problem };

/** The answer of a batch, as api.md has it: every event stands for itself. */
export interface BatchResult {
  accepted: number;
  duplicates: number;
  rejected: number;
  failed: number;
  results: { index: number; id?: string; status: PublishOutcome['status']; problem?: Problem }[];
}

/** Counts the outcomes of a batch and lists them by index. */
export function batchResult(outcomes: PublishOutcome[]): BatchResult {
  const count = (status: PublishOutcome['status']): number =>
    outcomes.reduce((sum, outcome) => sum + Number(outcome.status === status), 0);
  return {
    accepted: count('accepted'),
    duplicates: count('duplicate'),
    rejected: count('rejected'),
    failed: count('failed'),
    results: outcomes.map((outcome, index) => ({
      index,
      ...(outcome.id !== undefined && { id: outcome.id }),
      status: outcome.status,
      ...('problem' in outcome && { problem: outcome.problem }),
    })),
  };
}
