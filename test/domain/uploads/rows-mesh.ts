import { createHash } from 'node:crypto';
import { beginUpload } from '../../../domain/uploads/begin.ts';
import { type Upload, uploadRequest } from '../../../schemas/upload.ts';
import { given, SCHEMA, TYPE } from '../../given.ts';
import { meshInMemory, type MemoryMesh } from '../mesh.ts';

/** A mesh in which a file of more than 2000 bytes in rows goes block by block. */
export async function rowsMesh(): Promise<MemoryMesh> {
  const mesh = meshInMemory(undefined, { uploadRowsBytes: 2000 });
  await mesh.has('participant', given.participant());
  await mesh.has('dataset', given.dataset());
  await mesh.has('schema', { dataset: 'school-air', type: TYPE, version: 1, createdAt: '', schema: SCHEMA });
  return mesh;
}

/** An upload of its provider's whose file was put. */
export async function putFile(mesh: MemoryMesh, text: string, contentType: string): Promise<Upload> {
  const body = Buffer.from(text);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const declared = { dataset: 'school-air', type: TYPE, contentType, bytes: body.length, sha256 };
  const { upload } = await beginUpload(mesh, given.caller('atmo'), uploadRequest.parse(declared));
  await mesh.payloads.put({ name: upload.name, body, contentType });
  return upload;
}
