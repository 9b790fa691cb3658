import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { quickDynamoClient } from '../../adapters/dynamodb/client.ts';
import { freshCache } from '../../domain/cache.ts';
import { audited, byMesh } from '../../domain/audit/audited.ts';
import { admit } from '../../domain/publish/admit.ts';
import { checkUpload } from '../../domain/uploads/check.ts';
import type { UploadCheck } from '../../schemas/upload.ts';
import { milliseconds } from '../../schemas/duration.ts';
import { eventFunction } from '../chain.ts';
import { now, publishing } from '../publish/publishing.ts';
import { environment } from './environment.ts';

/** An upload that its publisher has completed. */
const completed = z.object({ upload: z.string() });
const entry = z.object({
  participant: z.string(),
  event: z.object({ id: z.string(), 'detail-type': z.string(), time: z.string(), detail: z.unknown() }),
});

/** The ingress buses and the bucket: events accepted from the AWS SDK and from uploads. */
export const handler = eventFunction<unknown, UploadCheck | undefined>('admit', () => {
  const env = environment(process.env);
  const deps = publishing(env, quickDynamoClient());
  const { uploadCheckFor, uploadRowsBytes } = env.TERRITORY;
  const maxAgeMs = milliseconds(env.TERRITORY.verdictFreshness);
  const checking = audited(deps.registry, byMesh('upload.checked'), { now, random: randomBytes });
  const participant = freshCache((id) => deps.registry.read('participant', id), { maxAgeMs, now: Date.now });
  return async (event, work) => {
    const upload = completed.safeParse(event);
    if (upload.success) {
      work.did('upload.checked');
      work.note(upload.data);
      return checkUpload(
        { ...deps, registry: checking, random: randomBytes, uploadCheckFor, uploadRowsBytes },
        upload.data.upload,
      );
    }
    const given = entry.parse(event);
    work.note({ participant: given.participant });
    const outcome = await admit(
      { ...deps, participant, territoryTimes: env.TERRITORY, random: randomBytes },
      given,
    );
    work.did('events.admitted');
    work.note({ event: outcome.id });
    work.count(outcome.status);
    return undefined;
  };
});
