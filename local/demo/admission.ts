import type { DatasetRequest } from '../../schemas/dataset.ts';
import type { ParticipantRequest } from '../../schemas/participant.ts';
import type { MeshClient } from './mesh-client.ts';

const KEY_LABEL = 'demonstration';

/**
 * Admits a participant, or finds it where an earlier run did, and answers a new key for it. Further keys that earlier
 * runs made are revoked once the new one is there.
 */
export async function admit(operator: MeshClient, request: ParticipantRequest): Promise<string> {
  const found = await operator.find(`/participants/${request.id}`);
  if (!found) {
    const { body } = await operator.ask<{ key: string }>('POST', '/participants', { json: request });
    return body.key;
  }
  const keys = `/participants/${request.id}/keys`;
  const earlier = await operator.list<{ id: string; label: string }>(keys);
  const { body } = await operator.ask<{ key: string }>('POST', keys, { json: { label: KEY_LABEL } });
  for (const { id } of earlier.filter(({ label }) => label === KEY_LABEL)) {
    await operator.ask('DELETE', `${keys}/${id}`);
  }
  return body.key;
}

/** Puts a dataset as its provider: creates it, or brings it up to date under the entity tag that it has. */
export async function putDataset(provider: MeshClient, id: string, dataset: DatasetRequest): Promise<void> {
  const found = await provider.find(`/datasets/${id}`);
  await provider.ask('PUT', `/datasets/${id}`, {
    json: dataset,
    ...(found?.etag !== undefined && { headers: { 'if-match': found.etag } }),
  });
}
