/**
 * A CloudEvents 1.0 event as the mesh keeps it: attributes by name, extensions among them, `data` any JSON.
 * Binary data stays in `data_base64`.
 */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  subject?: string;
  time?: string;
  datacontenttype?: string;
  dataschema?: string;
  data?: unknown;
  data_base64?: string;
  [extension: string]: unknown;
}
