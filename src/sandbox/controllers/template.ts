import { canonicalJson, objectAt, type JsonObject } from '../../base/json.ts'

/** Label that keeps the pods of a Deployment's ReplicaSets apart. */
export const templateHashLabel = 'pod-template-hash'

/** Characters that make no words: apimachinery's SafeEncodeString. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** The name of a template, as in `podinfo-5d8c7b9f4`. FNV-1a of its canonical JSON: the same for equal templates, no more is asked of it. */
export function templateHash(template: JsonObject, collisions: number): string {
  const text = canonicalJson(template) + (collisions === 0 ? '' : `#${collisions}`)
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return Array.from(String(hash), (digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('')
}

/** Whether two templates make the same pods: equal but for the hash label. */
export const isSameTemplate = (a: JsonObject, b: JsonObject): boolean => canonicalJson(withoutHash(a)) === canonicalJson(withoutHash(b))

function withoutHash(template: JsonObject): JsonObject {
  const { [templateHashLabel]: _, ...labels } = objectAt(template, 'metadata', 'labels')
  return { ...template, metadata: { ...objectAt(template, 'metadata'), labels } }
}

/** The template, its labels and a hash label. */
export const withHash = (template: JsonObject, hash: string): JsonObject => ({
  ...template,
  metadata: { ...objectAt(template, 'metadata'), labels: { ...objectAt(template, 'metadata', 'labels'), [templateHashLabel]: hash } },
})
